"""What is told of a verdict that changed, and what is not."""

from xml.etree import ElementTree

import pytest

from ragqa.types import Document, Link, Section
from ragqa.watch.ask import cited_article
from ragqa.watch.changes import compare, settled
from ragqa.watch.digest import as_atom
from ragqa.watch.types import Alert, Change, Finding, Item


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


def article(*links: str) -> Document:
    ties = tuple(Link(kind, "8") for kind in links)
    return Document("7", (Section("title", "A trial"),), links=ties)


def test_that_a_part_of_an_article_was_retracted_is_told_once() -> None:
    before, after = cited_article(article("ErratumIn")), cited_article(article("ErratumIn", "PartialRetractionIn"))
    told = Finding("Do statins prevent delirium?", cited=(before,))

    changes = compare(told, told, (after,), 0.1)

    assert [(one.kind, one.message) for one in changes] == [("retracted", "A part of a cited article was retracted.")]
    kept = settled(told, told, (after,), changes)
    assert compare(kept, kept, (after,), 0.1) == ()


def test_a_feed_is_xml_whatever_signs_a_title_has() -> None:
    title = "A \x00\x1b\ud800\uffff\ufffe]]><b>&amp; trial"
    change = Change("retracted", title, title, "7", title)
    alert = Alert("a-000001", Item("a", "sample", "claim", title, ()), (change,), "2026-01-01T00:00:00+00:00", "")

    feed = ElementTree.fromstring(as_atom([alert], alert.time))  # noqa: S314 - of our own

    assert feed.findtext("{*}entry/{*}title") == "A ]]><b>&amp; trial"
