"""The sample corpus holds what its README promises."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

SAMPLE = Path(__file__).parents[2] / "corpora" / "sample"
RETRACTED, NOTICE_OF_RETRACTION, REVISED, DELETED = "9500320", "20137807", "19852337", "99999901"


def records(name: str) -> dict[str, etree._Element]:
    articles = etree.parse(SAMPLE / "sources" / name).findall("PubmedArticle")
    by_pmid = {article.findtext("MedlineCitation/PMID") or "": article for article in articles}
    assert len(by_pmid) == len(articles), "a PMID occurs twice"
    return by_pmid


def all_text(article: etree._Element) -> str:
    return " ".join("".join(part.itertext()) for part in article.iterfind(".//Abstract/AbstractText"))


@pytest.fixture(scope="module")
def baseline() -> dict[str, etree._Element]:
    return records("sample26n0001.xml")


@pytest.fixture(scope="module")
def update() -> dict[str, etree._Element]:
    return records("sample26n0002.xml")


@pytest.fixture(scope="module")
def live(baseline: dict[str, etree._Element], update: dict[str, etree._Element]) -> dict[str, etree._Element]:
    return {pmid: article for pmid, article in (baseline | update).items() if pmid != DELETED}


@pytest.fixture(scope="module")
def questions() -> list[dict[str, Any]]:
    with (SAMPLE / "questions.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_counts_are_those_of_the_readme(baseline: dict[str, Any], update: dict[str, Any], live: dict[str, Any]) -> None:
    assert (len(baseline), len(update), len(live)) == (121, 1, 120)


def test_every_record_says_that_its_wording_was_made_for_the_sample(live: dict[str, etree._Element]) -> None:
    for pmid, article in live.items():
        notice = article.findtext(".//CopyrightInformation") or article.findtext(".//GeneralNote") or ""
        assert "for the ragqa sample in its own words" in notice
        assert notice.endswith(f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/")


def test_abstracts_are_short_and_most_are_structured(live: dict[str, etree._Element]) -> None:
    without = [pmid for pmid, article in live.items() if article.find(".//Abstract") is None]
    one_piece = [pmid for pmid, article in live.items() if len(article.findall(".//Abstract/AbstractText")) == 1]
    assert without == [NOTICE_OF_RETRACTION]
    assert sorted(one_piece) == ["16647887", "20842006", "22970993"]
    assert all(50 <= len(all_text(article).split()) <= 120 for pmid, article in live.items() if pmid not in without)


def test_update_corrects_one_record_and_deletes_another(
    baseline: dict[str, etree._Element], update: dict[str, etree._Element]
) -> None:
    assert list(update) == [REVISED]
    assert "3 of 21 (14.3%)" in all_text(baseline[REVISED])
    assert "2 of 21 (9.5%)" in all_text(update[REVISED])
    assert update[REVISED].findtext(".//DateRevised/Month") > baseline[REVISED].findtext(".//DateRevised/Month")
    deleted = etree.parse(SAMPLE / "sources" / "sample26n0002.xml").findall("DeleteCitation/PMID")
    assert [pmid.text for pmid in deleted] == [DELETED]
    assert "describes no article" in all_text(baseline[DELETED])


def test_retracted_article_and_notice_point_at_each_other(live: dict[str, etree._Element]) -> None:
    retracted, notice = live[RETRACTED], live[NOTICE_OF_RETRACTION]
    assert retracted.find(".//PublicationType[@UI='D016441']") is not None
    assert retracted.findtext(".//CommentsCorrections[@RefType='RetractionIn']/PMID") == NOTICE_OF_RETRACTION
    assert notice.findtext(".//CommentsCorrections[@RefType='RetractionOf']/PMID") == RETRACTED
    assert "retracted" in all_text(retracted)
    others = [pmid for pmid in live if pmid != RETRACTED]
    assert not any(live[pmid].find(".//PublicationType[@UI='D016441']") is not None for pmid in others)


def test_seven_records_have_no_year(live: dict[str, etree._Element]) -> None:
    assert sum(article.find(".//PubDate/Year") is None for article in live.values()) == 7


def test_mesh_tree_covers_the_headings_and_everything_above_them(live: dict[str, etree._Element]) -> None:
    lines = (SAMPLE / "mesh-tree.txt").read_text(encoding="utf-8").splitlines()
    heading_at = {number: heading for heading, _, number in (line.rpartition(";") for line in lines)}
    used = {heading.text for article in live.values() for heading in article.iterfind(".//DescriptorName")}

    assert len(heading_at) == len(lines)
    assert all(re.fullmatch(r"[A-Z]\d\d(\.\d{3})*", number) for number in heading_at)
    assert all(number.rpartition(".")[0] in heading_at for number in heading_at if "." in number)
    assert used - set(heading_at.values()) == {"Female", "Male"}, "check tags have no place in the tree"


def test_questions_have_the_types_and_labels_of_the_readme(questions: list[dict[str, Any]]) -> None:
    answerable = [question for question in questions if question["answerable"]]
    assert len({question["id"] for question in questions}) == len(questions) == 40
    assert Counter(question["type"] for question in answerable) == {"yesno": 24, "factoid": 6, "list": 4, "summary": 4}
    labels = Counter(question["exact_answer"] for question in answerable if question["type"] == "yesno")
    assert labels == {"yes": 11, "no": 9, "maybe": 4}


def test_questions_rest_on_live_records(live: dict[str, etree._Element], questions: list[dict[str, Any]]) -> None:
    for question in questions:
        assert set(question["document_ids"]) <= set(live) - {RETRACTED, NOTICE_OF_RETRACTION}
        assert bool(question["document_ids"]) == bool(question["ideal_answer"]) == question["answerable"]


def test_exact_answers_can_be_read_in_the_records(
    live: dict[str, etree._Element], questions: list[dict[str, Any]]
) -> None:
    for question in questions:
        if question["type"] in {"factoid", "list"} and question["answerable"]:
            text = " ".join(all_text(live[pmid]) for pmid in question["document_ids"]).casefold()
            for synonyms in question["exact_answer"]:
                assert any(synonym.casefold() in text for synonym in synonyms), (question["id"], synonyms)
