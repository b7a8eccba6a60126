"""The words of a text that tell a direction, as "reduces" does: where they stand, and what they mean there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ragqa.answer.assertion_words import PHRASES, WORDS, Sense, Word
from ragqa.corpus.words import word_set

_TOKEN = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
HELPERS = r"(?:do|does|did|is|are|was|were|can|could|may|might|will|would|should|has|have|had|must)"
_HELPER = re.compile(HELPERS, re.IGNORECASE)
_VERBAL = frozenset({"base", "s", "past", "participle", "ing"})
_BEFORE_NOUN = word_set(
    """a an the no any some with of in for by to their its this that these and or significant marked substantial greater
    small large modest further statistically clinically associated mean relative absolute overall not"""
)
_AFTER_NOUN = word_set(
    """of in by with after during for to from and or is was were are did does do has have had that than on at among
    between versus vs compared when if as through via following under"""
)
_FOLLOWING = re.compile(r"\s+([a-z][\w-]*)")


@dataclass(frozen=True, slots=True)
class Cue:
    """A word or phrase that tells a direction, ``begin`` to ``end`` in characters.

    ``finite`` where it stands as a finite verb, ``noun`` where it stands as a noun or an adjective.
    """

    begin: int
    end: int
    sense: Sense
    finite: bool = False
    noun: bool = False


def cues_in(text: str, begin: int, end: int) -> list[Cue]:
    """The cues between two places of a text, in order."""
    found = [Cue(m.start(), m.end(), sense) for p, sense in PHRASES for m in p.finditer(text, begin, end)]
    for token in _TOKEN.finditer(text, begin, end):
        if any(cue.begin <= token.start() < cue.end for cue in found):
            continue
        word = _word(text, token)
        if word is not None and not _names_another(text, token, word):
            finite = word.form in {"base", "s", "past", "participle"} and not _is_noun(text, token.start(), word)
            noun = not finite and word.form != "ing"
            found.append(Cue(token.start(), _end(text, token, word), word.sense, finite, noun))
    return sorted(found, key=lambda cue: cue.begin)


def _end(text: str, token: re.Match[str], word: Word) -> int:
    """Where a cue ends: "more effective" is one, as "better" is."""
    comparing = token.group().lower() in {"more", "less"} and word.sense in {"better", "worse"}
    following = _FOLLOWING.match(text, token.end()) if comparing else None
    return following.end() if following else token.end()


def _names_another(text: str, token: re.Match[str], word: Word) -> bool:
    """Whether a noun says of which kind the next one is: "induction chemotherapy" tells no direction."""
    if word.form != "noun" or not token.group().lower().endswith("ion"):
        return False
    following = _FOLLOWING.match(text, token.end())
    return following is not None and following[1] not in _AFTER_NOUN and following[1] not in WORDS


def fitting(words: Sequence[Word], text: str, begin: int) -> Word:
    """The one of several words of one spelling that stands at ``begin``: the verb or the noun."""
    return next((w for w in words if (w.form in _VERBAL) == (not _is_noun(text, begin, w))), words[0])


def _word(text: str, token: re.Match[str]) -> Word | None:
    words = WORDS.get(token.group().lower())
    if not words:
        return None
    if token.group().lower() in {"more", "less"} and re.match(r"\s+(?:than\s+)?\d", text[token.end() :]):
        return None  # "more than 40 patients" compares nothing
    if token.group().lower() == "more" and (m := re.match(r"\s+(\w+)", text[token.end() :])):
        after = WORDS.get(m[1].lower())
        return after[0] if after and after[0].sense in {"better", "worse"} else words[0]
    if token.group().lower() == "less" and (m := re.match(r"\s+(\w+)", text[token.end() :])):
        after = WORDS.get(m[1].lower())
        if after and after[0].sense in {"better", "worse"}:
            return Word("worse" if after[0].sense == "better" else "better", "adjective", "more")
    return fitting(words, text, token.start())


def _is_noun(text: str, begin: int, word: Word) -> bool:
    """Whether a form that could be a verb stands as a noun, or as an adjective before one, by the word before it."""
    before = text[:begin].split()
    last = _bare(before[-1], first=len(before) == 1) if before else ""
    if word.form in {"noun", "nouns"}:
        return not before or last in _BEFORE_NOUN
    if word.form in {"adjective", "adverb"}:
        return True
    if not before or (len(before) == 1 and _HELPER.fullmatch(last)):  # "Increased salt", "Does increased salt"
        return word.form in {"past", "participle"}
    if last == "to":
        return word.form != "base"
    if word.form == "s":
        return last in _BEFORE_NOUN and last not in {"a", "an", "that", "this"}
    return last in _BEFORE_NOUN and last != "not"


def _bare(word: str, *, first: bool) -> str:
    """The word in lower case; "A" within a sentence is a name, not an article."""
    return word if word == "A" and not first else word.lower().strip(",(")
