"""What is told of a verdict that changed, and what is not."""

import pytest

from ragqa.watch.changes import compare
from ragqa.watch.types import Finding


def finding(verdict: str, yes: float) -> Finding:
    return Finding("Do statins prevent delirium?", "question", verdict, {"yes": yes, "no": 1 - yes})


@pytest.mark.parametrize(
    ("told", "now", "kinds"),
    [
        (finding("yes", 0.62), finding("", 0.58), []),
        (finding("yes", 0.90), finding("", 0.55), ["verdict"]),
        (finding("", 0.58), finding("yes", 0.62), []),
        (finding("", 0.50), finding("yes", 0.90), ["verdict"]),
        (finding("", 0.50), finding("", 0.55), []),
        (finding("yes", 0.62), finding("no", 0.38), ["verdict"]),
    ],
)
def test_a_verdict_withheld_or_given_is_told_where_its_probability_moved(told, now, kinds) -> None:
    assert [change.kind for change in compare(told, now, (), 0.1)] == kinds


def test_what_is_told_of_a_verdict_withheld() -> None:
    (change,) = compare(finding("yes", 0.9), finding("", 0.55), (), 0.1)
    assert change.message == "The verdict was “yes” (90%) and is now “open”."
