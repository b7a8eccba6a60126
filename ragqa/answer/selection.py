"""Which sentences an answer is made of, and how they are worded.

A sentence's score adds what is known about it: its similarity to the question, the question's words in it, the part
of the abstract it stands in, and how well its document fits, ranks and weighs as evidence. The weights were set by
hand and checked on development data; none is more than a tie-breaker beside similarity and coverage.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragqa.answer.abstract_parts import Part
from ragqa.answer.passages import Passage
from ragqa.types import Statement

_PART_BONUS: dict[Part, float] = {
    "conclusion": 0.12, "findings": 0.06, "whole": 0.06, "title": -0.1, "background": -0.06, "methods": -0.2,
}  # fmt: skip
_REDUNDANCY = 0.45
_SAME = 0.92
_WEAK, _WEAK_PENALTY = 0.6, 0.2  # a document that fits far worse than the best one
_LARGEST_DROP = 0.3
_FEWEST_WORDS, _MOST_WORDS = 5, 60

_LABEL = re.compile(
    r"\A(?:[A-Z][A-Z'’ &/,()-]{3,45}:\s*"
    r"|(?i:,? ?(?:(?:authors['’] )?conclusions?|main results|results|background|findings|interpretation"
    r"|objectives?)[,:] ))"
)
_FINITE = re.compile(
    r"\b(?:is|are|was|were|has|have|does|do|did|can|may|will|should|must"
    r"|(?:reduc|improv|increas|decreas|caus|predict|induc|prevent|inhibit|affect|enhanc|protect|promot|regulat|mediat"
    r"|associat|correlat|contribut|requir|suppress|modulat|attenuat|lead|play|remain|influenc|encod|bind)e?s)\b"
)
_OPENING = re.compile(
    r"\A(?:in (?:conclusion|summary|sum|addition|contrast|brief|short)|to (?:conclude|summari[sz]e)|on the other hand"
    r"|taken together|altogether|overall|however|therefore|thus|hence|moreover|furthermore|additionally|nevertheless"
    r"|nonetheless|consequently|accordingly|finally|interestingly|importantly|notably|conclusions?)[,:]\s+"
    r"|\A(?:we|the authors) (?:therefore |thus )?(?:conclude|concluded) that\s+",
    re.IGNORECASE,
)
_DANGLING = re.compile(
    r"\A(?:it|they|this|these|those|such|both|he|she|its|their|the (?:latter|former|same)|in (?:this|these|such)|here"
    r"|but|and|or|also|similarly|conversely|instead|for (?:this|these|example))\b",
    re.IGNORECASE,
)
_AIM = re.compile(
    r"\A(?:[A-Z]{4,}:\s*)?(?-i:To) [a-z]+ |"
    r"\b(?:aim(?:s|ed)? (?:of|was|to|at)|objective|purpose of|to (?:determine|evaluate|investigate|assess|examine"
    r"|compare|explore|clarify|study|test|find out) (?:whether|if|the)"
    r"|we (?:investigated|evaluated|assessed|examined|studied"
    r"|tested|hypothesi[sz]ed|asked|aimed|sought|reviewed)|(?:was|were) (?:investigated|evaluated|assessed|examined"
    r"|studied|searched|randomi[sz]ed|calculated|reviewed|enrolled|collected|recorded)|hypothesi[sz]e"
    r"|remains? (?:unclear|unknown|controversial)|is (?:unclear|unknown)"
    r"|(?:further|future|more) (?:\w+ ){0,3}(?:studies|research|trials?|investigations?|evidence) (?:is|are"
    r"|will)|needs? to be|(?:urgently|still) (?:required|needed)|little is known|medical subject headings|copyright"
    r"|clinicaltrials\.gov|registration)\b|\?\s*\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class DocumentWeight:
    """What a document gives each of its sentences.

    Attributes
    ----------
    strength
        How well it fits the question, 0 to 1.
    rank_score
        Its retrieval score, scaled to 0 … 1 over the documents that are read.
    level
        Its weight as evidence, .5 to 1.
    recency
        0 (oldest) to 1 (newest) among the documents that are read.
    agreement
        For yes/no questions, the probability that its authors agree with the verdict; else 0.
    """

    strength: float
    rank_score: float
    level: float
    recency: float
    agreement: float = 0.0


def score_passages(passages: Sequence[Passage], weights: Sequence[DocumentWeight], *, encoded: bool) -> np.ndarray:
    """How well each passage serves as a sentence of the answer, float64 [n_passages]."""
    floor = _WEAK * max((weight.strength for weight in weights), default=0.0)
    return np.array(
        [
            _score(passage, weights[passage.document], encoded=encoded)
            - _WEAK_PENALTY * (weights[passage.document].strength < floor)
            for passage in passages
        ]
    )


def _score(passage: Passage, weight: DocumentWeight, *, encoded: bool) -> float:
    text = passage.text
    n_words = text.count(" ") + 1
    match = passage.similarity + 0.35 * passage.coverage if encoded else 1.1 * passage.coverage
    score = match + _PART_BONUS[passage.part]
    score += 0.5 * weight.strength + 0.1 * weight.rank_score + 0.1 * weight.level + 0.04 * weight.recency
    score += 0.15 * weight.agreement
    if _AIM.search(text):
        # What a study set out to learn is no answer, however many of the question's words it has.
        score -= 1.0 if passage.part == "background" else 0.35
    if passage.part == "title" and not _FINITE.search(text):
        score -= 1.0  # a title that says nothing by itself: below _LARGEST_DROP, so only where there is nothing else
    if n_words < _FEWEST_WORDS or n_words > _MOST_WORDS:
        score -= 0.25
    if _DANGLING.match(_OPENING.sub("", text)):
        score -= 0.08
    return score


def choose(passages: Sequence[Passage], scores: np.ndarray, vectors: Mapping[int, np.ndarray], most: int) -> list[int]:
    """Places of the chosen passages, best first, none of which repeats another (maximal marginal relevance).

    Carbonell and Goldstein, SIGIR 1998; similarity between sentences is their cosine, or their shared stems.
    """
    chosen: list[int] = []
    remaining = [place for place in np.argsort(-scores, kind="stable").tolist() if np.isfinite(scores[place])][:60]
    floor = scores[remaining[0]] - _LARGEST_DROP if remaining else 0.0
    while remaining and len(chosen) < most:
        penalised = {
            place: scores[place] - _REDUNDANCY * max((_alike(passages, vectors, place, c) for c in chosen), default=0.0)
            for place in remaining
        }
        if not chosen:  # an answer does not open with a sentence that leans on the one before
            penalised = {p: v - 0.1 * bool(_DANGLING.match(wording(passages[p].text))) for p, v in penalised.items()}
        best = max(remaining, key=penalised.__getitem__)
        if scores[best] < floor or (chosen and penalised[best] < floor - _REDUNDANCY * 0.75):
            break
        chosen.append(best)
        remaining = [place for place in remaining if _alike(passages, vectors, place, best) < _SAME]
    return chosen


def _alike(passages: Sequence[Passage], vectors: Mapping[int, np.ndarray], first: int, second: int) -> float:
    left, right = passages[first].stems, passages[second].stems
    shared = len(left & right) / max(min(len(left), len(right)), 1)
    if first in vectors and second in vectors:
        return max(float(vectors[first] @ vectors[second]), shared)
    return shared


def wording(sentence: str) -> str:
    """The sentence as a statement: without a heading or an opening word that only ties it to the text before it.

    >>> wording("CONCLUSIONS: In conclusion, statins do not prevent delirium.")
    'Statins do not prevent delirium.'
    """
    rest = sentence
    for pattern in (_LABEL, _OPENING, _OPENING):
        rest = pattern.sub("", rest, count=1)
    if rest == sentence or not rest:
        return sentence
    first = rest.split(maxsplit=1)[0]
    keeps_its_case = any(sign.isdigit() or sign.isupper() for sign in first)
    return rest if keeps_its_case else rest[0].upper() + rest[1:]


def statement_of(passage: Passage, strength: float, *, encoded: bool) -> Statement:
    """A statement that rests on one passage; its support joins the document's fit and the sentence's."""
    fit = (passage.similarity + passage.coverage) / 2 if encoded else passage.coverage
    support = max(0.0, min(1.0, strength * (0.5 + 0.5 * max(0.0, fit))))
    return Statement(wording(passage.text), (passage.span,), round(support, 4))
