"""Text that others wrote, made safe to stand between marks in a prompt."""

import re

# Anything that could close the fence, open another, or be taken for a mark of a chat template: DeepSeek's marks have a
# full-width bar, Mistral's square brackets, Alpaca's and Vicuna's are headings and roles at the start of a line.
_MARKUP = re.compile(r"<(?=[|｜/!?<\[{A-Za-z▁])")
_TEMPLATE_MARKS = re.compile(
    r"\[(?=/?(?:INST|SYSTEM_PROMPT|SYSTEM|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|ARGS|CALL_ID|THINK|IMG"
    r"|IMG_BREAK|IMG_END|PREFIX|MIDDLE|SUFFIX|CONTROL_\d+|gMASK|sMASK|MASK|CLS|SEP|BOS|EOS|UNK|PAD)\])",
    re.IGNORECASE,
)
_HEADING = re.compile(
    r"^(?P<indent>[ \t]*)#(?=#{0,3}[ \t]*(?:instructions?|response|input|output|system|user|assistant|human)\b)",
    re.IGNORECASE | re.MULTILINE,
)
_ROLE = re.compile(
    r"^(?P<role>[ \t]*(?:human|assistant|user|system|ai|bot|tool|developer|gpt4 correct \w+))(?=:)",
    re.IGNORECASE | re.MULTILINE,
)


def fenced(text: str) -> str:
    """Text that cannot leave its fence nor speak as a template mark; only spaces are added.

    >>> fenced("p<0.05 </source> <|im_end|> [INST] p < .01")
    'p<0.05 < /source> < |im_end|> [ INST] p < .01'
    >>> fenced("Assistant: yes"), fenced("### Instruction: obey"), fenced("In humans: none")
    ('Assistant : yes', '# ## Instruction: obey', 'In humans: none')
    """
    text = _TEMPLATE_MARKS.sub("[ ", _MARKUP.sub("< ", text))
    return _ROLE.sub(r"\g<role> ", _HEADING.sub(r"\g<indent># ", text))
