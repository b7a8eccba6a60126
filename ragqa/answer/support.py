"""Whether a sentence supports a statement, and what stands against it.

A conflict of denial, direction, number or name is a veto: no share of common words makes up for it. Without one, the
weighted share of the statement's words tells how well the sentence supports it. Words are no proof of entailment: a
low figure tells more than a high one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ragqa.answer import terms
from ragqa.answer.assertion import Assertion, asserted, assertions, clauses, contradictory, denies
from ragqa.answer.numbers import has_numbers, numbers
from ragqa.corpus import words

Conflict = Literal["direction", "denial", "number", "name", "aim"]

_TITLE_WEIGHT = 0.25
_NUMBER_ELSEWHERE = 0.5  # a number that the article has, though not this sentence
_WITHOUT_DIRECTION = 0.6  # the statement says more, less or the same, and the sentence nothing of the kind
_SYMBOL = re.compile(r"(?<![\w-])(?P<head>[A-Za-zα-ω]{1,8})-?(?P<number>\d{1,3})(?P<tail>[A-Za-zα-ω]?)(?!\w)")
_DRUG = re.compile(
    r"\b\w{3,}(?:mab|nib|statin|pril|sartan|olol|gliptin|gliflozin|glitazone|xaban|gatran|prazole|cillin|mycin"
    r"|floxacin|azole|vir|glutide|parin|setron|triptan|dipine|azepam|oxetine|cycline|dronate|fibrate|lukast|oxicam"
    r"|platin|taxel|rubicin|caine)\b",
    re.IGNORECASE,
)
_DESIGNATED = re.compile(
    r"\b(?P<noun>types?|grade|stage|phase|class|group|factor|vitamin|hepatitis|influenza|protein|cyclin|apolipoprotein"
    r"|interleukin|subtype|category|arm|cohort|level)[ -](?P<name>[A-K]\d{0,2}|[1-9]\d?|(?:I{1,3}|IV|VI{0,3}|IX|X{1,2})"
    r"[ab]?)(?![\w%.]*\w)(?!\s?%)",
    re.IGNORECASE,
)
_ROMAN = {"I": "1", "II": "2", "III": "3", "IV": "4", "V": "5", "VI": "6", "VII": "7", "VIII": "8", "IX": "9"}
_LOSS = re.compile(
    r"\b(?:lack|absence|loss|deficien\w+|depletion|knock-?(?:down|out)|inhibition|interruption|blockade|silencing"
    r"|deletion|ablation|abrogation|downregulation|without|withdrawal|destruction|disruption|reduction)\b|-/-",
    re.IGNORECASE,
)
_AIM = re.compile(
    r"\A(?:[A-Z][A-Z &/]{3,}:?\s+)?(?:to (?:\w+ly )?(?:determin|evaluat|investigat|assess|examin|compar|explor|clarif"
    r"|study|test|find out|measur|describ|identif|quantif|review|estimat|establish|analy[sz]|characteri[sz]|summari[sz]"
    r"|report|develop|provide|elucidat|\w+ (?:whether|if|how|what|which|why)\b)"
    r"|(?:this|the|our) (?:\w+ ){0,3}(?:study|trial|review|paper|analysis|work|article)"
    r" (?:aim|sought|was designed|was to"
    r"|examin|investigat|evaluat|assess|explor|compar))"
    r"|\b(?:aim|aims|aimed|objectives?|purpose|goal)\b(?: \w+){0,6} (?:was|were|is|are|to|of)\b"
    r"|\bwe (?:\w+ly |therefore |thus |then |here )?(?:investigated|evaluated|assessed|examined|studied|tested"
    r"|hypothesi[sz]ed?|asked|aimed?|sought|explored|wished|set out)\b|\bhypothes[ie]s\b"
    r"|\b(?:whether|if)\b[^.]{0,120}\b(?:remains? |is |are |was )(?:unclear|unknown|controversial|uncertain|debated)"
    r"|\b(?:was|were|been|are|is) (?:investigated|evaluated|assessed|examined|studied)\W*\Z|\?\W*\Z",
    re.IGNORECASE,
)
_FINDING = re.compile(
    r"\b(?:found|find|show(?:s|ed|n)?|demonstrat\w+|reveal\w*|observ\w+|indicat\w+|suggest\w*|confirm\w*|conclud\w+"
    r"|report(?:ed)? that"
    r"|p\s*[<=]|\d\s?%|CI\b|result(?:s|ed) in|was associated|were associated|identified|discovered)\b|[<=]\s?0?\.\d",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Article:
    """What the whole of an article says beside the sentence in question: its title's stems, words, names, numbers."""

    title_stems: frozenset[str]
    words: frozenset[str]
    symbols: Mapping[str, frozenset[str]]
    numbers: frozenset[str]

    @classmethod
    def of(cls, title: str, sentences: Iterable[str]) -> "Article":
        """Take an article in; ``sentences`` with abbreviations written out count as well as they stand."""
        text = "\n".join([title, *sentences])
        said = frozenset(words.tokens(text))
        return cls(frozenset(words.content_stems(title)), said, _symbols(text), numbers(text))


def support(statement: str, sentence: str, sentence_stems: frozenset[str], article: Article) -> float:
    """How well a sentence supports a statement by its words, 0 to 1, without regard to conflicts.

    The weighted share of the statement's content words that the sentence has; the article's title may lend a quarter
    of it (a sentence seldom repeats what the article is about). It is lowered where the sentence lacks a number
    that only another sentence of the article has, and where it tells no direction while the statement does.
    """
    wanted = words.content_stems(statement)
    value = (1 - _TITLE_WEIGHT) * terms.coverage(wanted, sentence_stems)
    value += _TITLE_WEIGHT * terms.coverage(wanted, sentence_stems | article.title_stems)
    if not has_numbers(statement, numbers(sentence)):
        value *= _NUMBER_ELSEWHERE
    if asserted(statement).direction != "none" and not assertions(sentence):
        value *= _WITHOUT_DIRECTION
    return value


def conflict(statement: str, sentence: str, article: Article) -> Conflict | None:
    """What stands against a sentence as evidence for a statement; None where nothing does.

    >>> article = Article.of("", ["Rosuvastatin lowered LDL by 40%."])
    >>> conflict("Rosuvastatin raised LDL.", "Rosuvastatin lowered LDL by 40%.", article)
    'direction'
    >>> conflict("Rosuvastatin lowered LDL by 80%.", "Rosuvastatin lowered LDL by 40%.", article)
    'number'
    """
    if states_aim(sentence):
        return "aim"
    if not has_numbers(statement, article.numbers):
        return "number"
    if _names_otherwise(statement, article) or _designated_otherwise(statement, sentence):
        return "name"
    return _opposed(statement, sentence)


def stance(question: str, statement: str) -> Literal["yes", "no"] | None:
    """What a statement says to a yes/no question about more or less, by its direction; None where it tells none.

    >>> stance("Does A reduce deaths?", "A reduced deaths."), stance("Does A reduce deaths?", "A had no effect.")
    ('yes', 'no')
    >>> stance("Is it false that A reduces deaths?", "A reduced deaths.") or stance("Is A a gene?", "A is a gene.")
    'no'
    """
    asked_for = asserted(question)
    found = _of_same_outcome(question, asked_for, statement)
    if asked_for.direction == "none" or not found:
        return None
    opposed = [contradictory(asked_for, one) for one in found]
    if all(opposed):
        return "no"
    return "yes" if not any(opposed) and all(one.direction == asked_for.direction for one in found) else None


def states_aim(sentence: str) -> bool:
    """Whether a sentence says only what was to be learned.

    >>> states_aim("OBJECTIVE To evaluate whether aspirin prevents stroke."), states_aim("Aspirin prevented stroke.")
    (True, False)
    >>> states_aim("To learn whether atropine is worth adding in children sedated with ketamine.")
    True
    >>> states_aim("To evaluate it we treated mice and found that they died.")
    False
    """
    return _AIM.search(sentence) is not None and (_FINDING.search(sentence) is None or sentence.rstrip().endswith("?"))


def _names_otherwise(statement: str, article: Article) -> bool:
    """Whether the statement names a drug that the article does not, or a relative of what the article names."""
    if any(drug.lower() not in article.words for drug in _DRUG.findall(statement)):
        return True
    return any(
        article.symbols.get(head) and not names & article.symbols[head] for head, names in _symbols(statement).items()
    )


def _symbols(text: str) -> dict[str, frozenset[str]]:
    """Names that end in a number, such as genes, by what comes before it: {"il": {"6", "8"}}."""
    found: dict[str, set[str]] = {}
    for match in _SYMBOL.finditer(text):
        if any(sign.isupper() for sign in match["head"]) or match["head"] in {"p", "miR"}:
            found.setdefault(match["head"].lower(), set()).add(match["number"])
    return {head: frozenset(names) for head, names in found.items()}


def _designated_otherwise(statement: str, sentence: str) -> bool:
    """Whether the sentence speaks of another type 1, hepatitis B, vitamin D … than the statement."""
    wanted, found = _designations(statement), _designations(sentence)
    return any(found.get(noun) and not names & found[noun] for noun, names in wanted.items())


def _designations(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for match in _DESIGNATED.finditer(text):
        noun, name = match["noun"].lower(), match["name"].upper()
        found.setdefault("type" if noun == "types" else noun, set()).add(_ROMAN.get(name, name))
    return found


def _opposed(statement: str, sentence: str) -> Conflict | None:
    """A direction that cannot be true beside the statement's, or a denial of what the other affirms."""
    said = asserted(statement)
    found = _of_same_outcome(statement, said, sentence)
    if said.direction != "none" and found:
        return "direction" if all(contradictory(said, one) for one in found) else None
    denied = said.negated or said.direction == "no difference"
    return "denial" if denied != _denied(statement, sentence) else None


def _of_same_outcome(statement: str, said: Assertion, sentence: str) -> Sequence[Assertion]:
    """What the sentence asserts of that which the statement's direction is of: around one cue, up to the next.

    What is said of a thing's absence is turned round where the statement speaks of the thing, or the other way.
    """
    read = assertions(sentence)
    outcome = words.content_stems(statement[said.cues[-1][1] :]) if said.cues else []
    wanted = set(outcome or words.content_stems(statement))
    starts = [0, *(one.cues[-1][1] for one in read)]
    ends = [*(one.cues[0][0] for one in read[1:]), len(sentence)]
    shares = [
        terms.coverage(wanted, set(words.content_stems(sentence[starts[place] : ends[place]])))
        for place in range(len(read))
    ]
    absent = said.cues and _LOSS.search(statement, 0, said.cues[0][0]) is not None
    return [
        _turned(one) if (_LOSS.search(sentence, starts[place], one.cues[0][0]) is not None) != absent else one
        for place, one in enumerate(read)
        if shares[place] >= max(shares)
    ]


def _turned(read: Assertion) -> Assertion:
    """What is said of a thing's absence, as said of the thing."""
    if read.direction not in {"increase", "decrease"}:
        return read
    return Assertion("decrease" if read.direction == "increase" else "increase", read.negated, read.cues)


def _denied(statement: str, sentence: str) -> bool:
    """Whether the part of the sentence that shares most words with the statement denies something."""
    wanted = set(words.content_stems(statement))
    parts = [part for begin, end in clauses(sentence) for part in re.split(r",\s", sentence[begin:end])]
    nearest = max(parts, key=lambda part: terms.coverage(wanted, set(words.content_stems(part))), default="")
    read = asserted(nearest)
    return read.direction == "no difference" or (read.negated if read.direction != "none" else denies(nearest))
