"""Words of an article in quotation marks."""

from collections.abc import Iterable


def quoted(quotes: Iterable[str]) -> str:
    """Each in its own marks.

    >>> quoted(["Statins lower LDL.", "They are safe."])
    '“Statins lower LDL.” “They are safe.”'
    """
    return " ".join(f"“{quote}”" for quote in quotes)
