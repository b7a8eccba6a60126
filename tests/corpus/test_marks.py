"""Notices that point back: what they say of an article holds although the article's own record was never revised."""

import random
from pathlib import Path

import numpy as np
import pytest

import ragqa
from ragqa import products
from ragqa.answer.notices import about_documents
from ragqa.cli import run
from ragqa.corpus.marks import KINDS, MARK, NOTICE, by_others, find_marks, read_marks
from ragqa.corpus.store import DocumentStore
from ragqa.errors import ProductError
from ragqa.types import Document, Filter, Link

TEXT = "Preoperative statins reduced atrial fibrillation after coronary artery bypass grafting in this trial."


def article(pmid: int, *links: tuple[str, int], title: str = TEXT, types: tuple[str, ...] = ()) -> str:
    told = "".join(
        f'<CommentsCorrections RefType="{kind}"><RefSource>J</RefSource><PMID>{target}</PMID></CommentsCorrections>'
        for kind, target in links
    )
    kinds = "".join(f"<PublicationType>{name}</PublicationType>" for name in types)
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="1">{pmid}</PMID><Article><ArticleTitle>{title}</ArticleTitle>'
        f"<Abstract><AbstractText>{title}</AbstractText></Abstract><Language>eng</Language>"
        f"<PublicationTypeList>{kinds}</PublicationTypeList></Article>"
        f"<CommentsCorrectionsList>{told}</CommentsCorrectionsList></MedlineCitation></PubmedArticle>"
    )


def deletion(pmid: int) -> str:
    return f"<DeleteCitation><PMID>{pmid}</PMID></DeleteCitation>"


@pytest.fixture
def days(tmp_path: Path):
    """Writes files of records, one a day, and brings the corpus ``living`` up to them; gives its total counts."""
    folder = tmp_path / "days"
    folder.mkdir()

    def write(*records: str) -> dict[str, int]:
        path = folder / f"day{len(list(folder.iterdir()))}.xml"
        path.write_text(f"<PubmedArticleSet>{''.join(records)}</PubmedArticleSet>")
        return products.import_corpus("living", folder, "pubmed-xml").counts["total"]

    return write


def told(counts: dict[str, int]) -> tuple[int, ...]:
    return tuple(counts[name] for name in ("retracted", "expressions_of_concern", "errata", "marked_by_notices"))


def test_a_later_notice_marks_the_article_that_it_names(days) -> None:
    assert told(days(article(1), article(2), article(3), article(4, ("RetractionIn", 9)))) == (1, 0, 0, 0)
    counts = days(
        article(11, ("RetractionOf", 1), title="Retraction"),
        article(12, ("ExpressionOfConcernFor", 2), ("ErratumFor", 2), title="Concern and erratum"),
        article(13, ("RetractionOf", 999), title="Retraction of what is not here"),
        article(14, ("RetractionOf", 4), title="Retraction that the record knows of"),
    )
    assert told(counts) == (2, 1, 1, 2)
    with products.open_store("living") as store:
        first, second, fourth = (store.get(i) for i in ("1", "2", "4"))
        assert first.retracted
        assert first.links == (Link("RetractionIn", "11"),)
        assert not second.retracted
        assert second.links == (Link("ExpressionOfConcernIn", "12"), Link("ErratumIn", "12"))
        assert fourth.links == (Link("RetractionIn", "9", "J"),)
        assert not store.get("11").retracted
        assert not store.get("3").links
        assert store.mask(Filter(not_retracted=True)).tolist() == [False, True, True, False, True, True, True, True]


def test_marks_follow_revisions_and_deletions_of_both(days) -> None:
    days(article(1), article(2))
    assert told(days(article(11, ("RetractionOf", 1)), article(12, ("ErratumFor", 2)))) == (1, 0, 1, 2)
    # The article is revised and now says so itself; the other's notice now names another.
    assert told(days(article(1, ("RetractionIn", 11)), article(12, ("ErratumFor", 1)))) == (1, 0, 1, 1)
    with products.open_store("living") as store:
        assert [link.kind for link in store.get("1").links] == ["RetractionIn", "ErratumIn"]
        assert store.get("2").links == ()
    assert told(days(article(1), deletion(11), deletion(12))) == (0, 0, 0, 0)
    with products.open_store("living") as store:
        assert not store.get("1").retracted


def test_a_notice_read_before_its_article_marks_it_too(days) -> None:
    days(article(11, ("RetractionOf", 1)))
    days(article(1))
    with products.open_store("living") as store:
        assert store.get("1").retracted


@pytest.mark.parametrize("engine", ["lucene", "rank-bm25"])
def test_searches_without_retracted_articles_leave_out_what_a_notice_retracts(days, tmp_path, engine) -> None:
    days(*(article(n) for n in range(1, 8)))
    recipe = tmp_path / "own.toml"
    recipe.write_text(f'[bm25]\nengine = "{engine}"\n[retrieve]\nretrievers = ["bm25"]\n')
    products.build_index("living", str(recipe))
    days(article(11, ("RetractionOf", 1), title="Retraction"), article(12, ("RetractionOf", 3), title="Retraction"))
    products.update_index("living")
    with ragqa.open("living") as engine_:
        question = "statins atrial fibrillation"
        assert {hit.document_id for hit in engine_.search(question, k=7)} == {"1", "2", "3", "4", "5", "6", "7"}
        kept = [hit.document_id for hit in engine_.search(question, k=3, allowed=Filter(not_retracted=True))]
        assert kept == ["2", "4", "5"]


def test_an_answer_warns_of_what_only_a_notice_says(days) -> None:
    days(article(1))
    products.build_index("living", "bm25-anserini")
    question = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
    with ragqa.open("living") as engine:
        before = engine.ask(question)
        days(article(11, ("RetractionOf", 1), title="Notice"))
        products.update_index("living")
    with ragqa.open("living") as engine:
        after = engine.ask(question)
    assert before.statements
    assert not before.notices
    assert after.abstained
    assert "retracted" in {notice.kind for notice in after.notices}


def test_corrections_are_told_with_where_they_are() -> None:
    links = (Link("ErratumIn", "8"), Link("ErratumIn", "", "J Med. 2020;1:2"), Link("PartialRetractionIn"))
    notices = about_documents((), [Document("1", links=links)], retracted_allowed=False)
    assert [(notice.kind, notice.message) for notice in notices] == [
        ("erratum", "A correction of this article was published (PMID 8; J Med. 2020;1:2)."),
        ("partly_retracted", "A part of this article has been retracted."),
    ]


def test_corpus_info_counts_them(days, capsys) -> None:
    days(article(1), article(2))
    days(article(11, ("RetractionOf", 1)), article(12, ("ErratumFor", 2)))
    assert run(["corpus", "info", "living"]) == 0
    header, *_, total = (line.split("\t") for line in capsys.readouterr().out.splitlines())
    counts = dict(zip(header, total, strict=True))
    names = ("retracted", "expressions of concern", "errata", "marked by notices")
    assert [counts[name] for name in names] == ["1", "0", "1", "2"]


def test_marks_equal_those_found_one_by_one() -> None:
    noise = random.Random(5)
    for _ in range(200):
        sizes = [noise.randrange(5) for _ in range(noise.randrange(4))]
        starts = np.cumsum([0, *sizes]).astype(np.int64)
        n_rows = int(starts[-1])
        key_of = noise.sample(range(1, 30), n_rows)
        live = np.array([noise.random() < 0.7 for _ in range(n_rows)], dtype=bool)
        parts = [
            [(noise.randrange(1, 30), noise.randrange(size), noise.randrange(len(KINDS))) for _ in range(size * 2)]
            for size in sizes
        ]
        ids = sorted((key_of[row], row) for row in range(n_rows) if live[row])
        expected = sorted(
            (dict(ids)[key], int(start) + row, kind)
            for start, part in zip(starts, parts, strict=False)
            for key, row, kind in part
            if live[start + row] and key in dict(ids)
        )
        keys = np.array([key for key, _ in ids], np.uint64)
        found = find_marks(
            [np.array(part, NOTICE) for part in parts], starts, live, (keys, np.array([r for _, r in ids], np.int64))
        )
        assert found.tolist() == expected
        own = {(row, kind) for row, notice, kind in expected if row == notice}
        assert by_others(found).tolist() == [mark for mark in expected if (mark[0], mark[2]) not in own]


def test_damaged_marks_are_told(tmp_path) -> None:
    for wrong in (np.zeros(3), np.array([(5, 0, 0)], MARK), np.array([(0, 0, 99)], MARK), np.zeros((1, 1), MARK)):
        np.save(tmp_path / "marks.npy", wrong)
        with pytest.raises(ProductError, match=r"marks\.npy is damaged"):
            read_marks(tmp_path, 2, "build it again")


def test_the_store_needs_its_marks(days, tmp_path) -> None:
    days(article(1), article(11, ("RetractionOf", 1)))
    folder = tmp_path / "home" / "corpora" / "living"
    next(folder.glob("parts/state-*/marks.npy")).unlink()
    with DocumentStore.open(folder) as store, pytest.raises(ProductError, match=r"marks\.npy .*corpus build living"):
        store.get("1")
    assert run(["corpus", "build", "living"]) == 0
    with products.open_store("living") as store:
        assert store.get("1").retracted
