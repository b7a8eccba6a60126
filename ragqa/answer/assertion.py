"""What a question or a statement asserts: more, less, a difference or none, and whether that is denied.

Direction and polarity are a small closed matter of English wording, so rules read them, and what an article found is
compared with them. Outcomes that nobody wants ("pain", "mortality") turn "improves" into less of them.

>>> asserted("Does beta carotene prevent lung cancer?").direction
'decrease'
>>> asserted("Is it false that statins increase mortality?")
Assertion(direction='increase', negated=True, cues=((25, 33),))
>>> opposed("Do statins reduce the risk of stroke?")
'Do statins increase the risk of stroke?'
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ragqa.answer.assertion_words import DENYING, PHRASES, UNWANTED, WANTED, WORDS, Sense, Word, forms
from ragqa.corpus.words import word_set

Direction = Literal["increase", "decrease", "none", "difference", "no difference"]
Found = Literal["increased", "decreased", "no difference"]

_TOKEN = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_HELPERS = r"(?:do|does|did|is|are|was|were|can|could|may|might|will|would|should|has|have|had|must)"
_HELPER = re.compile(_HELPERS, re.IGNORECASE)
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
_RHETORICAL = re.compile(rf"\A\W*{_HELPERS}n['’]t\b", re.IGNORECASE)
_CLAUSE = re.compile(
    r"[;:]|[.?!](?=\s|\Z)|,?\s+\b(?:but|whereas|while|although|though|however|yet|despite|except)\b|\bbut\b",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"\b(?:associat\w+|correlat\w+|link(?:ed)?|relat(?:ed|ion\w*)|lead(?:s|ing)?|led|result(?:s|ed|ing)? in|predict\w*"
    r"|contribut\w+)\b",
    re.IGNORECASE,
)
_BEFORE_NOUN = word_set(
    """a an the no any some with of in for by to their its this that these and or significant marked substantial greater
    small large modest further statistically clinically associated mean relative absolute overall not"""
)
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


@dataclass(frozen=True, slots=True)
class _Cue:
    begin: int
    end: int
    sense: Sense
    rank: int  # 0: a finite verb; 1: anything else
    noun: bool = False


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


def opposed(text: str) -> str | None:
    """The text with its direction turned round and nothing else changed; None where no word of it has an opposite.

    >>> opposed("Rosuvastatin lowered LDL cholesterol.")
    'Rosuvastatin raised LDL cholesterol.'
    """
    for begin, end in asserted(text).cues[:1]:
        cue = text[begin:end]
        words = [word for word in WORDS.get(cue.lower(), ()) if word.opposite]
        if not words:
            phrase = next((other for other in _OPPOSITE_PHRASES if other == cue.lower()), None)
            return text[:begin] + _OPPOSITE_PHRASES[phrase] + text[end:] if phrase else None
        word = next((w for w in words if (w.form in _VERBAL) == (not _is_noun(text, begin, w))), words[0])
        other = word.opposite
        other = other.capitalize() if cue[0].isupper() else other
        return _article(text[:begin], other) + other + _preposition(text[end:], other.lower())
    return None


def denied(text: str) -> str | None:
    """The text inside "Is it false that …?" or "It is false that …"; None for a question whose words cannot be ordered.

    >>> denied("Does aspirin reduce mortality?"), denied("Aspirin reduces mortality.")
    ('Is it false that aspirin reduces mortality?', 'It is false that aspirin reduces mortality.')
    >>> denied("Is smoking associated with stroke?")
    'Is it false that smoking is associated with stroke?'
    """
    if truth := _TRUTH.match(text):
        return f"Is it {'false' if truth[1].lower() == 'true' else 'true'}{text[truth.end() :]}"
    question = re.match(rf"\A\W*(?P<helper>{_HELPERS})\s+(?P<rest>.+)\Z", text, re.IGNORECASE | re.DOTALL)
    if question is None:
        if text.rstrip().endswith("?"):
            return None
        first, _, rest = text.partition(" ")
        keeps = any(sign.isupper() or sign.isdigit() for sign in first[1:]) or len(first) < 2
        return f"It is false that {first if keeps else first.lower()} {rest}"
    helper, rest = question["helper"].lower(), question["rest"]
    place = _predicate(rest, helper)
    if place is None:
        return None
    subject, predicate = rest[:place].rstrip(), rest[place:]
    if helper in {"do", "does", "did"} and not re.search(r"\bnot\Z", subject):
        verb, space, after = predicate.partition(" ")
        form: Literal["base", "s", "past"] = {"do": "base", "does": "s", "did": "past"}[helper]  # type: ignore[assignment]
        predicate = forms(verb.lower())[form] + space + after
        return f"Is it false that {subject} {predicate}"
    subject, is_not, _ = subject.partition(" not") if subject.endswith(" not") else (subject, "", "")
    return f"Is it false that {subject} {helper}{is_not} {predicate}"


_TRUTH = re.compile(r"\AIs it (true|false)\b", re.IGNORECASE)
_OPPOSITE_PHRASES = {"risk factor": "protective factor", "risk factors": "protective factors",
    "protective factor": "risk factor", "protective factors": "risk factors"}  # fmt: skip
_VERBAL = frozenset({"base", "s", "past", "participle", "ing"})


def _false(text: str) -> bool:
    """Whether the text calls what it says false; to call that false in turn makes it true."""
    return len(_FALSE.findall(text)) % 2 == 1


def _read(text: str, begin: int, end: int) -> Assertion:
    cues = _cues(text, begin, end)
    if not cues:
        return Assertion("none", _negated(text, begin, end, plainly=True))
    return _of_cue(text, _main(text, cues, begin, end), cues, begin, end)


def _read_all(text: str, begin: int, end: int) -> list[Assertion]:
    """What each cue of a clause asserts, those of more and less where there are any."""
    cues = _cues(text, begin, end)
    strong = [cue for cue in cues if cue.sense not in {"change", "same"}] or cues
    return [_of_cue(text, cue, cues, begin, end) for cue in strong]


def _of_cue(text: str, cue: _Cue, cues: list[_Cue], begin: int, end: int) -> Assertion:
    sense, used = _composed(text, cue, cues)
    sense = _valued(text, sense, cue, begin, end)
    negated = _negated(text, begin, cue.begin) != (DENYING.search(text, cue.begin, cue.end) is not None)
    negated = negated or _UNPROVEN.search(text, begin, end) is not None
    return _canonical(sense, negated, used)


def _cues(text: str, begin: int, end: int) -> list[_Cue]:
    found = [_Cue(m.start(), m.end(), sense, 1) for p, sense in PHRASES for m in p.finditer(text, begin, end)]
    for token in _TOKEN.finditer(text, begin, end):
        if any(cue.begin <= token.start() < cue.end for cue in found):
            continue
        word = _word(text, token)
        if word is not None:
            finite = word.form in {"base", "s", "past", "participle"} and not _is_noun(text, token.start(), word)
            found.append(
                _Cue(token.start(), token.end(), word.sense, 0 if finite else 1, noun=not finite and word.form != "ing")
            )
    return sorted(found, key=lambda cue: cue.begin)


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
    return next((w for w in words if (w.form in _VERBAL) == (not _is_noun(text, token.start(), w))), words[0])


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


def _main(text: str, cues: list[_Cue], begin: int, end: int) -> _Cue:
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
    verbs = [cue for cue in strong if cue.rank == 0]
    return (verbs or strong)[0]


def _composed(text: str, cue: _Cue, cues: list[_Cue]) -> tuple[Sense, tuple[tuple[int, int], ...]]:
    """The sense of the cue and of its object together: "prevents the decline of" is an increase."""
    used = ((cue.begin, cue.end),)
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


def _valued(text: str, sense: Sense, cue: _Cue, begin: int, end: int) -> Sense:
    if sense not in {"better", "worse"}:
        return sense
    outcome = text[cue.end : end] or text[begin : cue.begin]
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
    return bool(negators)


def _canonical(sense: Sense, negated: bool, cues: tuple[tuple[int, int], ...]) -> Assertion:
    if sense in {"change", "same"}:
        return Assertion("difference" if (sense == "change") != negated else "no difference", False, cues)
    return Assertion("increase" if sense == "up" else "decrease", negated, cues)


def _flipped(assertion: Assertion) -> Assertion:
    if assertion.direction in {"difference", "no difference"}:
        other: Direction = "no difference" if assertion.direction == "difference" else "difference"
        return Assertion(other, False, assertion.cues)
    return Assertion(assertion.direction, not assertion.negated, assertion.cues)


def _article(head: str, word: str) -> str:
    """The words before with "a" or "an" as the next word needs it; a capital "A" is a name, "An" is not."""
    article = "an " if word[0].lower() in "aeiou" else "a "
    return re.sub(r"\b(?:an?|An) \Z", lambda m: article.capitalize() if m[0][0] == "A" else article, head)


def _preposition(rest: str, other: str) -> str:
    """What follows, since "protects against" and "predisposes to" take different prepositions."""
    if other.startswith("predispos"):
        return re.sub(r"\A (?:against|from)\b", " to", rest)
    return re.sub(r"\A to\b", " against", rest) if other.startswith("protect") else rest


def _predicate(rest: str, helper: str) -> int | None:
    """Where the predicate begins after the subject of an inverted question."""
    whole = f"{helper} {rest}"
    shift = len(helper) + 1
    if helper in {"do", "does", "did"}:
        for token in _TOKEN.finditer(rest):
            words = WORDS.get(token.group().lower(), ())
            if (
                token.start()
                and any(word.form == "base" for word in words)
                and not _is_noun(whole, shift + token.start(), words[0])
            ):
                return token.start()
        return None
    found = re.search(
        r"\b(?:not|more|less|no|as|better|worse|superior|inferior|effective|safe|useful|higher|lower|associated|linked"
        r"|related|correlated|a risk factor|able|due|caused|involved|indicated|increased|reduced|decreased|prevented"
        r"|similar|different|equivalent|independent|beneficial|harmful)\b",
        rest,
        re.IGNORECASE,
    )
    if found is not None:
        return found.start() or None
    for token in _TOKEN.finditer(rest):
        if token.start() and any(word.form == "base" for word in WORDS.get(token.group().lower(), ())):
            return token.start()
    return None
