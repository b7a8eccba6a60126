"""What tells whether one document answers a question: the model's reading, and the question's words found in it."""

import math
from collections.abc import Sequence

import numpy as np

from ragqa.answer import terms
from ragqa.answer.extractive.relation import Relation
from ragqa.answer.passages import Passage
from ragqa.answer.question import AskedFor

_MOST_EVIDENCE = 10.0


def relevance_features(asked: AskedFor, passages: Sequence[Passage], said: Relation) -> dict[str, float]:
    """Features of one document, for the regression in ``decisions.json``.

    Titles are left out where there is an abstract: a title alone promises more than it tells.

    Parameters
    ----------
    asked
        The question.
    passages
        The document's sentences, at least one.
    said
        What the model read in them.
    """
    read = [passage for passage in passages if passage.part != "title"] or list(passages)
    found: set[str] = set().union(*(passage.stems for passage in read))
    wanted = dict.fromkeys(asked.stems)
    return {
        "relevance": said.relevance,
        "evidence": float(np.clip(said.evidence.max(), -_MOST_EVIDENCE, _MOST_EVIDENCE)),
        "says_something": float(1 - said.of_all[2]),
        "coverage": terms.coverage(wanted, found),
        "best_coverage": max(passage.coverage for passage in read),
        "missing_words": float(sum(stem not in found for stem in wanted)),
        "words": math.log1p(len(wanted)),
    }
