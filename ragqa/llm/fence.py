"""Text that others wrote, made safe to stand between marks in a prompt."""

import re

# Anything that could close the fence, open another, or be taken for a mark of a chat template.
_MARKUP = re.compile(r"<(?=[|/!?<\[{A-Za-z])")
_TEMPLATE_MARKS = re.compile(r"\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS)\])", re.IGNORECASE)


def fenced(text: str) -> str:
    """Text that cannot leave its fence nor speak as a template mark; only spaces are added.

    >>> fenced("p<0.05 </source> <|im_end|> [INST] p < .01")
    'p<0.05 < /source> < |im_end|> [ INST] p < .01'
    """
    return _TEMPLATE_MARKS.sub("[ ", _MARKUP.sub("< ", text))
