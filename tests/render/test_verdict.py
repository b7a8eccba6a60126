"""A verdict in words: never surer than its probability, and never without the studies that it is from."""

import pytest

from ragqa.render.verdict import told
from ragqa.types import Answer, Question, Source, Study, VerdictLabel

TRIAL, COHORT = "randomised controlled trial", "cohort or case-control study"


def answer(verdict: VerdictLabel | None, share: float, *levels: str, n: tuple[int | None, ...] = ()) -> Answer:
    sources = tuple(Source(str(i), "T", evidence_level=level, cited=True) for i, level in enumerate(levels))
    studies = tuple(Study(str(i), participants=count) for i, count in enumerate(n))
    shares = {verdict: share} if verdict else {}
    return Answer(Question("Is it?"), verdict=verdict, verdict_probabilities=shares, sources=sources, studies=studies)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (answer("yes", 0.88, COHORT, n=(203,)), "Probably yes, from 1 cohort or case-control study (n = 203)."),
        (answer("no", 0.95, TRIAL), "No, as far as these articles tell, from 1 randomised controlled trial."),
        (answer("yes", 0.6, TRIAL), "Weak: unclear, leaning to yes, from 1 randomised controlled trial."),
        (answer("maybe", 0.8, TRIAL), "Unclear, from 1 randomised controlled trial."),
        (
            answer("yes", 0.8, COHORT, TRIAL, TRIAL, n=(1000, 50, None)),
            "Probably yes, from 2 randomised controlled trials (n ≥ 50) and "
            "1 cohort or case-control study (n = 1,000).",
        ),
        (answer("yes", 0.8), "Probably yes, from no article."),
        (answer(None, 0.0, TRIAL), ""),
    ],
)
def test_verdicts(given: Answer, expected: str) -> None:
    assert told(given) == expected
