"""What a question or a statement asserts: more, less, a difference or none, and whether that is denied.

Direction and polarity are a small closed matter of English wording, so rules read them, and what an article found is
compared with them. Outcomes that nobody wants ("pain", "mortality") turn "improves" into less of them.

>>> asserted("Does beta carotene prevent lung cancer?").direction
'decrease'
>>> asserted("Is it false that statins increase mortality?")
Assertion(direction='increase', negated=True, cues=((25, 33),))
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ragqa.answer.assertion_cues import HELPERS, Cue, cues_in
from ragqa.answer.assertion_words import CAUSING, DENYING, UNWANTED, WANTED, Sense

Direction = Literal["increase", "decrease", "none", "difference", "no difference"]
Found = Literal["increased", "decreased", "no difference"]

_FALSE = re.compile(
    r"\b(?:it (?:is |was )?(?:not (?:true|correct|the case|right)|false|untrue|incorrect|wrong|a (?:myth|misconception"
    r"|fallacy|mistake))|(?:is|was) (?:it|this) (?:not (?:true|correct|the case)|false|untrue|incorrect|wrong"
    r"|a (?:myth|misconception|fallacy))|false to (?:say|claim|conclude)|a myth that|no truth in|contrary to the"
    r" (?:claim|belief) that)\b",
    re.IGNORECASE,
)
_NEGATOR = re.compile(
    r"\b(?:not(?! only)|no|never|neither|nor|without|cannot|none|nothing|fail(?:s|ed|ing|ure)? to|unable to|unlikely"
    r"|(?:lack|absence) of (?:\w+ )?(?:effect|association|benefit|difference|evidence|improvement|efficacy)"
    r"|insufficient|hardly|scarcely|little|rules? out|ruled out)\b(?! (?:doubt|only|less than))"
    r"|n['’]t\b",
    re.IGNORECASE,
)
_DENIAL = re.compile(
    r"\b(?:not(?! only)|no(?! consensus| information| data| longer| doubt)|never|neither|nor|cannot"
    r"|fail(?:s|ed|ing)? to|unable to|rul(?:es|ed) out)\b|n['’]t\b",
    re.IGNORECASE,
)
_UNPROVEN = re.compile(r"\bnon-?significant(?:ly)?\b|\binsignificant(?:ly)?\b", re.IGNORECASE)
_RHETORICAL = re.compile(rf"\A\W*{HELPERS}n['’]t\b", re.IGNORECASE)
_CLAUSE = re.compile(
    r"[;:]|[.?!](?=\s|\Z)|,?\s+\b(?:but|whereas|while|although|though|however|yet|despite|except)\b|\bbut\b",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"\b(?:associat\w+|correlat\w+|link(?:ed)?|relat(?:ed|ion\w*)|lead(?:s|ing)?|led|result(?:s|ed|ing)? in|predict\w*"
    r"|contribut\w+)\b",
    re.IGNORECASE,
)
_WHERE = re.compile(r"\s(?:in|among|during|after|following)\s", re.IGNORECASE)
_WITHOUT_REACHES = 2
_FOLLOWS_NOUN = frozenset({"in", "of"})
_BEFORE_OBJECT = frozenset({"a", "an", "the", "this", "that", "its", "their", "such", "any", "age-related", "induced"})


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a text asserts.

    Attributes
    ----------
    direction
        ``increase`` or ``decrease`` of its outcome, ``difference`` or ``no difference`` where it names neither, else
        ``none``. "Improves" is an increase, but a decrease of an outcome that nobody wants.
    negated
        Whether the text denies it ("does not increase", "Is it false that …"). A denied ``difference`` is told as
        ``no difference``, and the other way round.
    cues
        Where the words stand that tell the direction: ``(begin, end)`` in characters.
    """

    direction: Direction = "none"
    negated: bool = False
    cues: tuple[tuple[int, int], ...] = ()


def asserted(text: str) -> Assertion:
    """Read what a question, claim or finding asserts; where it has several clauses, the first that has a direction."""
    readings = [_read(text, begin, end) for begin, end in clauses(text)]
    # "Is there a difference, or does A increase B?": more and less tell more than a difference.
    told = [r for r in readings if r.direction in {"increase", "decrease"}]
    told = told or [r for r in readings if r.direction != "none"] or readings
    first = told[0] if told else Assertion()
    return _flipped(first) if _false(text) else first


def assertions(text: str) -> list[Assertion]:
    """Everything that a text asserts with a direction, in order: "A fell, but B rose" asserts both."""
    found = [one for begin, end in clauses(text) for one in _read_all(text, begin, end)]
    return [_flipped(one) if _false(text) else one for one in found]


def clauses(text: str) -> Iterator[tuple[int, int]]:
    """The clauses of a text that can assert different things, ``(begin, end)``: split at "but", "while", ";" …"""
    begin = 0
    for mark in _CLAUSE.finditer(text):
        if text[begin : mark.start()].strip():
            yield begin, mark.start()
        begin = mark.end()
    if text[begin:].strip():
        yield begin, len(text)


def denies(text: str) -> bool:
    """Whether a text denies what it speaks of, with or without a direction.

    >>> denies("Aspirin was not associated with dementia."), denies("Aspirin not only helps but also heals.")
    (True, False)
    """
    inner = any(_negated(text, begin, end, plainly=True) for begin, end in clauses(text))
    return inner != _false(text)


def holds(assertion: Assertion, found: Found) -> bool | None:
    """Whether what was found of the outcome makes the assertion true; None where it has no direction.

    >>> holds(asserted("Does A increase B?"), "no difference"), holds(asserted("A does not increase B."), "decreased")
    (False, True)
    """
    if assertion.direction == "none":
        return None
    if assertion.direction in {"difference", "no difference"}:
        return (found == "no difference") == (assertion.direction == "no difference")
    return (found == f"{assertion.direction}d") != assertion.negated


def contradictory(first: Assertion, second: Assertion) -> bool:
    """Whether two assertions about the same matter cannot both be true.

    >>> contradictory(asserted("A increases B."), asserted("A reduced B.")), contradictory(
    ...     asserted("A does not increase B."), asserted("A reduced B."))
    (True, False)
    """
    possible: tuple[Found, ...] = ("increased", "decreased", "no difference")
    if "none" in {first.direction, second.direction}:
        return False
    return not any(holds(first, found) and holds(second, found) for found in possible)


def _false(text: str) -> bool:
    """Whether the text calls what it says false; to call that false in turn makes it true."""
    return len(_FALSE.findall(text)) % 2 == 1


def _read(text: str, begin: int, end: int) -> Assertion:
    cues = cues_in(text, begin, end)
    if not cues:
        return Assertion("none", _negated(text, begin, end, plainly=True))
    return _of_cue(text, _main(text, cues, begin, end), cues, begin, end)


def _read_all(text: str, begin: int, end: int) -> list[Assertion]:
    """What each cue of a clause asserts, those of more and less where there are any."""
    cues = cues_in(text, begin, end)
    strong = [cue for cue in cues if cue.sense not in {"change", "same"}] or cues
    return [_of_cue(text, cue, cues, begin, end) for cue in strong]


def _of_cue(text: str, cue: Cue, cues: list[Cue], begin: int, end: int) -> Assertion:
    sense, used = _composed(text, cue, cues)
    sense = _valued(text, sense, cue, begin, end)
    negated = _negated(text, begin, cue.begin) != (DENYING.search(text, cue.begin, cue.end) is not None)
    negated = negated or _UNPROVEN.search(text, begin, end) is not None
    return _canonical(sense, negated, used)


def _main(text: str, cues: list[Cue], begin: int, end: int) -> Cue:
    """The cue that tells the direction of the outcome: a verb, else what follows "associated with", else the first."""
    strong = [cue for cue in cues if cue.sense not in {"change", "same"}]
    strong = strong or [cue for cue in cues if cue.sense == "same"] or cues
    link = _LINK.search(text, begin, end)
    if link is not None:
        after = [cue for cue in strong if cue.begin >= link.end()]
        before = [cue for cue in strong if cue.begin < link.start()]
        adverb = [
            cue for cue in before if text[cue.begin : cue.end].lower() in {"positively", "inversely", "negatively"}
        ]
        return (adverb or after or before or strong)[0]
    verbs = [cue for cue in strong if cue.finite]
    return (verbs or strong)[0]


def _composed(text: str, cue: Cue, cues: list[Cue]) -> tuple[Sense, tuple[tuple[int, int], ...]]:
    """The sense of the cue and of its object together: "prevents the decline of" is an increase."""
    used = ((cue.begin, cue.end),)
    if (caused := _caused(text, cue, cues)) is not None:
        return caused.sense, (*used, (caused.begin, caused.end))
    for other in cues:
        between = text[cue.end : other.begin].lower().split()
        if other.begin < cue.end or not other.noun or len(between) > 3:
            continue
        if any(word not in _BEFORE_OBJECT for word in between):
            continue
        after = text[other.end :].lower().split()[:1]
        if not after or after[0] not in _FOLLOWS_NOUN or other.sense not in {"up", "down"}:
            continue
        if cue.sense in {"up", "down"}:
            return ("up" if cue.sense == other.sense else "down"), (*used, (other.begin, other.end))
    if cue.sense == "better":  # "effective in reducing", "helps to prevent", "improves … by lowering"
        for other in cues:
            between = text[cue.end : other.begin].lower().split()
            direct = between in ([], ["in"], ["for"], ["at"], ["to"], ["for", "the"], ["in", "the"])
            if other.begin >= cue.end and direct and other.sense in {"up", "down"}:
                return other.sense, ((other.begin, other.end),)
    return cue.sense, used


def _caused(text: str, cue: Cue, cues: list[Cue]) -> Cue | None:
    """What tells the direction right behind "causes", as in "causes fewer events"; None where nothing does."""
    if not CAUSING.fullmatch(text, cue.begin, cue.end):
        return None
    following = next((other for other in cues if other.begin > cue.begin), None)
    if following is None or text[cue.end : following.begin].strip():
        return None
    return following if following.noun and following.sense in {"up", "down"} else None


def _valued(text: str, sense: Sense, cue: Cue, begin: int, end: int) -> Sense:
    if sense not in {"better", "worse"}:
        return sense
    outcome = text[cue.end : end] or text[begin : cue.begin]
    if cue.finite and (where := _WHERE.search(outcome, 1)):  # what is improved, not in whom
        outcome = outcome[: where.start()]
    bad, good = UNWANTED.search(outcome), WANTED.search(outcome)
    unwanted = bad is not None and (good is None or bad.start() < good.start())
    return "up" if (sense == "better") != unwanted else "down"


def _negated(text: str, begin: int, end: int, *, plainly: bool = False) -> bool:
    """Whether a negator stands there; ``plainly``: one that denies a whole clause, as "without" does not."""
    if begin == 0 and (opening := _RHETORICAL.match(text)):
        begin = opening.end()
    falsities = [found.span() for found in _FALSE.finditer(text)]
    negators = [
        found
        for found in (_DENIAL if plainly else _NEGATOR).finditer(text, begin, end)
        if not any(first <= found.start() < last for first, last in falsities)
    ]
    # "a video without information increases …": "without" denies no more than the few words that follow.
    return any(
        found[0].lower() != "without" or len(text[found.end() : end].split()) <= _WITHOUT_REACHES for found in negators
    )


def _canonical(sense: Sense, negated: bool, cues: tuple[tuple[int, int], ...]) -> Assertion:
    if sense in {"change", "same"}:
        return Assertion("difference" if (sense == "change") != negated else "no difference", False, cues)
    return Assertion("increase" if sense == "up" else "decrease", negated, cues)


def _flipped(assertion: Assertion) -> Assertion:
    if assertion.direction in {"difference", "no difference"}:
        other: Direction = "no difference" if assertion.direction == "difference" else "difference"
        return Assertion(other, False, assertion.cues)
    return Assertion(assertion.direction, not assertion.negated, assertion.cues)
