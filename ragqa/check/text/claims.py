"""The claims of a text: sentences that assert something which an article could support or contradict.

What is left out is told with the reason. A sentence of which each half can be wrong alone is two claims; a pronoun at
its beginning is read as what the sentence before was about, and abbreviations as the text explains them. The words
are only read so: what is shown and marked stays as it was written.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ragqa.answer.assertion import asserted, assertions, clauses
from ragqa.answer.support import states_aim
from ragqa.check.text.blocks import Block
from ragqa.check.text.marks import blanked, without_marks
from ragqa.corpus.abbreviations import explained
from ragqa.corpus.sentences import split_sentences
from ragqa.corpus.text import one_line
from ragqa.corpus.words import content_stems

Skipped = Literal[
    "heading", "question", "fragment", "about the text itself", "opinion or advice", "reference", "too long"
]

_FEWEST_STEMS = 2
_FEWEST_WORDS = 3
_FEWEST_WORDS_OF_A_PART = 6
"""Words of an item or a cell without a stop, below which one without a verb that can be told asserts nothing."""
_LONGEST_SUBJECT = 12  # words
_LONGEST_SENTENCE = 2_000
"""Characters of a sentence; what goes on without a stop for longer is a table or a list that lost its lines."""
_NAMED_CHANGE = re.compile(
    r"\W*(?:\w+ )?(?:loss|lack|absence|increases?|decreases?|reductions?|rises?|falls?|drops?|gains?|elevations?"
    r"|changes?|improvement|worsening|prevention) (?:of|in)\b",
    re.IGNORECASE,
)
"""A change as a thing, such as the side effect "loss of appetite": nothing is said of it."""
_SELF = re.compile(
    r"\b(?:this|the present|our|the following|here) (?:\w+ )?(?:leaflet|article|review|paper|text|page|document|section"
    r"|chapter|guide|guideline|brochure|fact ?sheet|summary|table|figure|study|trial|manuscript|thesis|answer)\b"
    r"(?! (?:\w+ ){0,2}(?:found|find|show|demonstrat|confirm|reveal|indicat|suggest))"
    r"|\A\W*(?:(?:table|figure|fig|box|see|note|source|copyright|todo)\b|©)|\ball rights reserved\b"
    r"|\bmarketing authori[sz]ation\b|\blet me know\b|\b(?:i['’]m|i am) (?:just |only )?(?:not )?an?\b"
    r"|\A\W*(?:we|i) (?:\w+ly )?(?:searched|included|excluded|extracted|screened|reviewed|used|performed|conducted|aim"
    r"|describe|discuss|present|summari[sz]e|will|have (?:searched|reviewed|summari[sz]ed))",
    re.IGNORECASE,
)
_ADVICE = re.compile(
    r"\b(?:i|we|one|some|many|authors?|experts?) (?:\w+ly )?(?:think|believe|feel|hope|wish|recommend|suggest|advise"
    r"|propose|argue)\b|\bin (?:my|our) (?:view|opinion)\b|\b(?:should|must|ought to|need to|please)\b"
    r"|\b(?:ask|tell|talk to|speak to|consult|contact|see) (?:your|a|the) (?:\w+ )?(?:doctor|physician|pharmacist|nurse"
    r"|clinician|specialist|gp)\b|\A\W*(?:do not|don['’]t|never|always|take|avoid|try|keep|make sure|remember|consider"
    r"|stop|start|use|drink|eat|store|swallow)\b(?! (?:of|up)\b)|\A\W*(?:if|when|before|after|while) you\b"
    r"|\byour (?:doctor|physician|pharmacist|nurse|gp)\b",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"\A\W*(?:(?:\d{1,2}[.)]\s+)?(?:background|context|introduction|objectives?|aims?|purpose|methods?|design|setting"
    r"|results?|findings|main results|conclusions?|interpretation|discussion|limitations?|significance|evidence|answer"
    r"|summary|key points?|bottom line)\s?:\s+|\d{1,2}[.)]\s+)",
    re.IGNORECASE,
)
"""What stands before a sentence and is none of it: an item's number, the name of a part of an abstract."""
_CONNECTIVE = re.compile(
    r"\A(?:however|moreover|furthermore|in addition|additionally|also|in contrast|by contrast|on the other hand|overall"
    r"|conversely|nevertheless|nonetheless|therefore|thus|hence|consequently|as a result|similarly|likewise|indeed"
    r"|in fact|finally|in conclusion|in summary|of note|notably|interestingly|importantly|for example|that said),?\s+"
    r"(?=\w)",
    re.IGNORECASE,
)
"""Words that tie a sentence to the one before, and of which none asserts anything: read alone they mislead."""
_APPOSITION = re.compile(r",\s(?:an?|the|which)\s.*")
_LISTED = re.compile(
    r"\A\W*(?:\d{1,3}[\].)]\s+)?[A-Z][\w'’-]+,?\s(?:[A-Z]{1,3}\b|[A-Z]\.).*\b(?:19|20)\d\d\b(?:\s\w{3}(?:\s\d{1,2})?)?\s?[;:]\s?\d",
    re.DOTALL,
)
_PRONOUN = re.compile(r"\A(?P<word>It|They|He|She|This|These|Both)\s+")
_POSSESSIVE = re.compile(r"\A(?:Its|Their)\s+(?!own\b)")
_ADVERBS = re.compile(r"(?:(?:also|often|usually|even|not|never|only|then|thus|\w+ly)\s+)*")
_LEADING_PRONOUN = re.compile(r"\A(?:it|they|he|she|this|these|both)\s+", re.IGNORECASE)
_BARE = frozenset({"This", "These", "Both"})
"""Pronouns only where a verb follows: "These patients" speaks of patients."""
_DEMONSTRATIVE = re.compile(
    r"\A(?P<word>This|These|The|Such)\s+(?P<noun>drugs?|medicines?|medications?|treatments?|therap(?:y|ies)|vaccines?"
    r"|supplements?|diets?|interventions?|procedures?|operations?|disease|condition|disorder|substance|vitamin|test"
    r"|method|approach|effect|risk)\b",
)
_HELPER = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|could|may|might|will|would|does|do|did|cannot)\b", re.IGNORECASE
)
_MARKS_ALONE = re.compile(r"[\W_]*")
_AND = re.compile(r",?\s+and\s+(?:also\s+|it\s+|they\s+)?|,\s+")


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that is asserted.

    Attributes
    ----------
    block, begin, end
        Where it stands: characters ``begin`` to ``end`` of a block's text.
    text
        The words there.
    read
        The claim as it is searched for and judged: without marks of references, pronouns and abbreviations resolved.
    """

    block: int
    begin: int
    end: int
    text: str
    read: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A sentence that is not checked, and why."""

    block: int
    begin: int
    end: int
    reason: Skipped


def claims_of(blocks: Sequence[Block]) -> tuple[list[Claim], list[LeftOut]]:
    """The claims of a text in order, and what is left out.

    >>> text = "Aspirin lowers the risk of stroke but raises that of bleeding. Is it safe? It also lowers fever [3]."
    >>> [claim.read for claim in claims_of([Block(text)])[0]]
    ['Aspirin lowers the risk of stroke.', 'Aspirin raises that of bleeding.', 'Aspirin also lowers fever.']
    """
    long_forms = _long_forms(blocks)
    claims: list[Claim] = []
    left_out: list[LeftOut] = []
    subject = ""
    listed: Skipped | None = None
    for place, block in enumerate(blocks):
        if block.kind in ("heading", "code"):
            left_out.append(LeftOut(place, 0, len(block.text), "heading" if block.kind == "heading" else "fragment"))
            continue
        if _LISTED.match(block.text):
            left_out.append(LeftOut(place, 0, len(block.text), "reference"))
            continue
        for begin, end in _sentences(block.text):
            sentence = block.text[begin:end]
            reason = _not_checked(sentence, is_part=block.kind in ("cell", "item"))
            if block.kind == "item":
                reason = reason or listed
            else:
                # "Do not take it if you:" says what all items below it are.
                listed = reason if sentence.endswith(":") and reason != "fragment" else None
            if reason:
                left_out.append(LeftOut(place, begin, end, reason))
                continue
            for first, last, read in _parts(sentence):
                if block.kind == "cell" and _lacks_subject(read) and place and blocks[place - 1].kind == "cell":
                    read = _sentence(f"{blocks[place - 1].text} {read[:1].lower()}{read[1:]}")  # noqa: PLW2901 - of its row
                read = _resolved(read, subject, long_forms)  # noqa: PLW2901 - the same claim, step by step
                claims.append(Claim(place, begin + first, begin + last, sentence[first:last], read))
                subject = _subject(read) or subject
    return claims, left_out


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    """The sentences of a block without the labels before them; marks behind the last stop are none."""
    for begin, end in split_sentences(text):
        label = _LABEL.match(text[begin:end])
        first = begin + label.end() if label else begin
        if not _MARKS_ALONE.fullmatch(blanked(text[first:end])):
            yield first, end


def _long_forms(blocks: Sequence[Block]) -> dict[str, str]:
    """The abbreviations that a text explains, without those that it explains in two ways."""
    found: dict[str, str] = {}
    ambiguous = set()
    for block in blocks:
        for short, long_form in explained(block.text).items():
            first = found.setdefault(short, long_form)
            if first != long_form and set(content_stems(first)) != set(content_stems(long_form)):
                ambiguous.add(short)
    return {short: long_form for short, long_form in found.items() if short not in ambiguous}


def _lacks_subject(read: str) -> bool:
    cues = asserted(read).cues
    return bool(cues) and not read[: cues[0][0]].strip()


def _not_checked(sentence: str, *, is_part: bool) -> Skipped | None:
    if len(sentence) > _LONGEST_SENTENCE:
        return "too long"
    bare = without_marks(sentence).strip()
    if bare.endswith("?"):
        return "question"
    if len(set(content_stems(bare))) < _FEWEST_STEMS or len(bare.split()) < _FEWEST_WORDS:
        return "fragment"
    is_short = is_part and len(bare.split()) < _FEWEST_WORDS_OF_A_PART and not bare.endswith(".")
    open_text = re.sub(r"\([^)]*\)", "", bare)
    cues = () if _NAMED_CHANGE.match(open_text) else asserted(open_text).cues
    if (is_short or bare.endswith(":")) and not (_HELPER.search(open_text) or cues):
        return "fragment"
    if _SELF.search(bare) or states_aim(bare):
        return "about the text itself"
    return "opinion or advice" if _ADVICE.search(bare) else None


def _parts(sentence: str) -> Iterator[tuple[int, int, str]]:
    """The sentence, or its parts where each asserts a direction: ``(begin, end, as it is read)``."""
    bare = blanked(sentence)
    cuts = [(begin, end) for begin, end in clauses(bare) for begin, end in _at_and(bare, begin, end)]
    told = [asserted(bare[begin:end]) for begin, end in cuts]
    if len(cuts) < 2 or any(one.direction == "none" for one in told):
        yield 0, len(sentence), _sentence(without_marks(sentence))
        return
    subject = ""
    for (begin, end), one in zip(cuts, told, strict=True):
        part = sentence[begin:end]
        before = part[: one.cues[0][0]] if one.cues else part
        if subject and not content_stems(_HELPER.sub("", before)):
            rest = without_marks(part).strip(" ,;:")
            read = f"{subject} {_LEADING_PRONOUN.sub('', rest)}"
        else:
            read = without_marks(part)
            subject = _subject(read) or subject
        first = begin + len(part) - len(part.lstrip(" ,;:"))
        yield first, begin + len(part.rstrip(" ,;:")), _sentence(read)


def _at_and(sentence: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """A clause cut at each "and" that another direction follows at once: "lowers X and raises Y"."""
    part = sentence[begin:end]
    starts = {one.cues[0][0] for one in assertions(part) if one.cues}
    cut = 0
    for mark in _AND.finditer(part):
        if mark.end() in starts and any(start < mark.start() for start in starts):
            yield begin + cut, begin + mark.start()
            cut = mark.end()
    yield begin + cut, end


def _sentence(text: str) -> str:
    text = one_line(text).strip(" ,;:")
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else text


def _resolved(read: str, subject: str, long_forms: Mapping[str, str]) -> str:
    read = _sentence(_CONNECTIVE.sub("", read))
    if subject and (found := _DEMONSTRATIVE.match(read)):
        read = f"{subject} {read[found.end() :].lstrip()}"
    elif subject and (found := _PRONOUN.match(read)) and (found["word"] not in _BARE or _is_verb(read, found.end())):
        read = f"{subject} {read[found.end() :]}"
    elif subject and (found := _POSSESSIVE.match(read)):
        read = f"{subject}{'’' if subject.endswith('s') else '’s'} {read[found.end() :]}"
    for short, explanation in long_forms.items():
        if short not in read:
            continue
        long_form = _APPOSITION.sub("", explanation)
        if long_form.lower() in read.lower():
            read = re.sub(rf"\s*\({re.escape(short)}\)", "", read)
        else:
            read = re.sub(rf"(?<![\w-]){re.escape(short)}(?![\w-])", long_form.replace("\\", r"\\"), read, count=1)
    return read


def _is_verb(read: str, place: int) -> bool:
    """Whether a verb that can be told stands there, perhaps after an adverb."""
    adverbs = _ADVERBS.match(read, place)
    place = adverbs.end() if adverbs else place
    starts = {one.cues[0][0] for one in assertions(read) if one.cues}
    return place in starts or _HELPER.match(read, place) is not None


def _subject(read: str) -> str:
    """What a claim is about: its words before the first verb that can be told; "" where that is nothing or long."""
    cue = asserted(read).cues[:1]
    helper = _HELPER.search(read)
    ends = [*(begin for begin, _ in cue), *([helper.start()] if helper else [])]
    if not ends:
        return ""
    words = read[: min(ends)].split()
    if not 0 < len(words) <= _LONGEST_SUBJECT or not content_stems(" ".join(words)):
        return ""
    if words[-1].lower() in {"also", "often", "usually", "significantly", "not", "never"}:
        words = words[:-1]
    return " ".join(words)
