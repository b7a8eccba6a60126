"""A text with its direction turned round, so that what says the opposite of it is found, too."""

import re

from ragqa.answer.assertion import asserted
from ragqa.answer.assertion_cues import fitting
from ragqa.answer.assertion_words import CAUSING, WORDS

_PHRASES = {"risk factor": "protective factor", "risk factors": "protective factors",
    "protective factor": "risk factor", "protective factors": "risk factors"}  # fmt: skip
_COMPARED = re.compile(r"(more|less) \w", re.IGNORECASE)


def opposed(text: str) -> str | None:
    """The text with its direction turned round and nothing else changed; None where no word of it has an opposite.

    >>> opposed("Rosuvastatin lowered LDL cholesterol.")
    'Rosuvastatin raised LDL cholesterol.'
    >>> opposed("Do statins reduce the risk of stroke?")
    'Do statins increase the risk of stroke?'
    """
    cues = asserted(text).cues
    if len(cues) > 1 and CAUSING.fullmatch(text, *cues[0]):
        cues = cues[1:]  # "causes fewer" is turned to "causes more"
    for begin, end in cues[:1]:
        compared = _COMPARED.match(text, begin, end)
        end = compared.end(1) if compared else end  # noqa: PLW2901 - of "more effective" the first word is turned
        cue = text[begin:end]
        words = [word for word in WORDS.get(cue.lower(), ()) if word.opposite]
        if not words:
            phrase = _PHRASES.get(cue.lower())
            return text[:begin] + phrase + text[end:] if phrase else None
        other = fitting(words, text, begin).opposite
        other = other.capitalize() if cue[0].isupper() else other
        return _article(text[:begin], other) + other + _preposition(text[end:], other.lower())
    return None


def _article(head: str, word: str) -> str:
    """The words before with "a" or "an" as the next word needs it; a capital "A" is a name, "An" is not."""
    article = "an " if word[0].lower() in "aeiou" else "a "
    return re.sub(r"\b(?:an?|An) \Z", lambda m: article.capitalize() if m[0][0] == "A" else article, head)


def _preposition(rest: str, other: str) -> str:
    """What follows, since "protects against" and "predisposes to" take different prepositions."""
    if other.startswith("predispos"):
        return re.sub(r"\A (?:against|from)\b", " to", rest)
    return re.sub(r"\A to\b", " against", rest) if other.startswith("protect") else rest
