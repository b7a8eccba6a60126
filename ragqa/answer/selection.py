"""Which sentences an answer is made of, and how they are worded."""

import re
from collections.abc import Sequence

import numpy as np

from ragqa.answer.passages import Passage

_REDUNDANCY = 0.45
_SAME = 0.92
_LARGEST_DROP = 0.3

_LABEL = re.compile(
    r"\A(?:[A-Z][A-Z'’ &/,()-]{3,45}:\s*"
    r"|(?i:,? ?(?:(?:authors['’] )?conclusions?|main results|results|background|findings|interpretation"
    r"|objectives?)[,:] ))"
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


def choose(passages: Sequence[Passage], scores: np.ndarray, most: int) -> list[int]:
    """Places of the chosen passages, best first, none of which repeats another (maximal marginal relevance).

    Carbonell and Goldstein, SIGIR 1998; two sentences are as similar as they share stems.
    """
    chosen: list[int] = []
    remaining = [place for place in np.argsort(-scores, kind="stable").tolist() if np.isfinite(scores[place])][:60]
    floor = scores[remaining[0]] - _LARGEST_DROP if remaining else 0.0
    while remaining and len(chosen) < most:
        penalised = {
            place: scores[place] - _REDUNDANCY * max((_alike(passages, place, c) for c in chosen), default=0.0)
            for place in remaining
        }
        if not chosen:  # an answer does not open with a sentence that leans on the one before
            penalised = {p: v - 0.1 * bool(_DANGLING.match(wording(passages[p].text))) for p, v in penalised.items()}
        best = max(remaining, key=penalised.__getitem__)
        if scores[best] < floor or (chosen and penalised[best] < floor - _REDUNDANCY * 0.75):
            break
        chosen.append(best)
        remaining = [place for place in remaining if _alike(passages, place, best) < _SAME]
    return chosen


def _alike(passages: Sequence[Passage], first: int, second: int) -> float:
    left, right = passages[first].stems, passages[second].stems
    return len(left & right) / max(min(len(left), len(right)), 1)


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
