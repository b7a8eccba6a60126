"""Reasoning models think aloud first and end with ``</think>``: keeping that apart from the reply."""

END = "</think>"
BEGIN = "<think>"


def split_reasoning(text: str) -> tuple[str, str]:
    """The reasoning and the reply of a model's text.

    Everything up to the last ``</think>`` is reasoning. Text that opens with ``<think>`` and never closes it was
    cut off while thinking: all of it is reasoning.

    >>> split_reasoning("<think>Two trials agree.</think>Yes.")
    ('Two trials agree.', 'Yes.')
    >>> split_reasoning("Two trials agree.</think> Yes.")
    ('Two trials agree.', 'Yes.')
    >>> split_reasoning("<think>Two trials")
    ('Two trials', '')
    >>> split_reasoning("Yes.")
    ('', 'Yes.')
    """
    before, mark, after = text.rpartition(END)
    if mark:
        return before.replace(BEGIN, "", 1).strip(), after.strip()
    stripped = text.lstrip()
    if stripped.startswith(BEGIN):
        return stripped.removeprefix(BEGIN).strip(), ""
    return "", text.strip()


class ReplyStream:
    """Lets through the reply of a text that comes in pieces, and holds the reasoning back.

    A text that opens with ``<think>`` is held until ``</think>``; any other passes at once, so a model that omits
    the opening mark must be served with its reasoning parser (``vllm serve --reasoning-parser``).
    """

    def __init__(self) -> None:
        self._held = ""
        self._passing = False

    def feed(self, piece: str) -> str:
        """The part of the reply that may be shown now, "" where none."""
        if self._passing:
            return piece
        self._held += piece
        start = self._held.lstrip()
        if BEGIN.startswith(start[: len(BEGIN)]):
            _, mark, after = self._held.partition(END)
            if not mark:
                return ""
            shown = after.lstrip()
        else:
            shown = start
        self._passing = bool(shown)
        if not self._passing:
            self._held = "" if END in self._held else self._held
        return shown
