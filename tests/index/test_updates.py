"""Indexes that live: after any sequence of updates they are what a fresh build is, and readers never notice."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragqa.corpus.build import CorpusSettings, build_corpus
from ragqa.corpus.state import PartEntry
from ragqa.corpus.store import DocumentStore
from ragqa.errors import ProductError
from ragqa.index.build import How, build_index
from ragqa.index.folder import read_manifest
from ragqa.index.open import open_index
from ragqa.index.segments import MANY, Span, divided, to_merge
from ragqa.recipe import Bm25Settings, DenseSettings, Recipe, RetrieveSettings
from ragqa.types import Filter

WORDS = [f"w{i}" for i in range(12)]
BM25 = Recipe(bm25=Bm25Settings(), dense=None, retrieve=RetrieveSettings(retrievers=("bm25",)))
SMALL = Recipe(bm25=Bm25Settings(engine="rank-bm25"), dense=None, retrieve=RetrieveSettings(retrievers=("bm25",)))


@dataclass
class Home:
    """A corpus of PubMed files, one for each day, and indexes of it."""

    folder: Path
    n_days: int = 0

    def day(self, documents: dict[str, str | None], number: int | None = None) -> None:
        """A file that writes or, where there is no text, deletes documents; ``number`` replaces that of a day."""
        articles = "".join(
            f"<PubmedArticle><MedlineCitation><PMID Version='1'>{key}</PMID><Article><Abstract><AbstractText>{text}"
            "</AbstractText></Abstract></Article></MedlineCitation></PubmedArticle>"
            for key, text in documents.items()
            if text is not None
        )
        gone = "".join(f"<PMID Version='1'>{key}</PMID>" for key, text in documents.items() if text is None)
        deletions = f"<DeleteCitation>{gone}</DeleteCitation>" if gone else ""
        self.n_days += number is None
        path = self.folder / "sources" / f"pubmed26n{number or self.n_days:04d}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<PubmedArticleSet>{articles}{deletions}</PubmedArticleSet>")

    def corpus(self, pinned: tuple[str, ...] = ()) -> DocumentStore:
        recipe = CorpusSettings(sources=("sources",), format="pubmed-xml")
        build_corpus("demo", recipe, self.folder, self.folder / "corpora" / "demo", pinned=lambda: pinned)
        return DocumentStore.open(self.folder / "corpora" / "demo")

    def index(self, name: str, recipe: Recipe = BM25, **how: bool) -> None:
        with DocumentStore.open(self.folder / "corpora" / "demo") as store:
            build_index(name, recipe, store, self.folder / "indexes" / name, how=How(**how))

    def found(self, name: str, queries: list[str], recipe: Recipe = BM25) -> list[dict[str, float]]:
        """Id and score of everything that each query finds, in order."""
        with DocumentStore.open(self.folder / "corpora" / "demo") as store:
            index = open_index(self.folder / "indexes" / name, recipe, store)
            assert index.bm25 is not None
            rows, scores = index.bm25.search(queries, 100)
            index.close()
            return [
                dict(zip(store.ids(own[own >= 0]), values[own >= 0].tolist(), strict=True))
                for own, values in zip(rows, scores, strict=True)
            ]


texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join)
days = st.dictionaries(st.sampled_from([str(i) for i in range(1, 15)]), st.one_of(texts, st.none()), min_size=1)
plan = st.lists(st.tuples(days, st.sampled_from(["update", "wait", "merge"])), min_size=1, max_size=7)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan)
@pytest.mark.parametrize("recipe", [BM25, SMALL], ids=["lucene", "rank-bm25"])
def test_after_any_updates_an_index_is_what_a_fresh_build_is(
    tmp_path: Path, recipe: Recipe, plan: list[tuple[dict[str, str | None], str]]
) -> None:
    shutil.rmtree(tmp_path / "home", ignore_errors=True)
    home = Home(tmp_path / "home")
    home.day({"100": "w0 w1"})  # so that there is always a document
    home.corpus().close()
    home.index("living", recipe)
    for documents, action in plan:
        home.day(documents)
        home.corpus().close()
        if action != "wait":
            home.index("living", recipe, merge=action == "merge", thorough=False)
    home.index("living", recipe, thorough=False)
    home.index("elsewhere/fresh", recipe)  # in a folder of its own, where it finds no segments to share

    before, fresh = home.found("living", WORDS, recipe), home.found("elsewhere/fresh", WORDS, recipe)
    assert [found.keys() for found in before] == [found.keys() for found in fresh]
    home.index("living", recipe, merge=True)
    assert len(read_manifest(tmp_path / "home" / "indexes" / "living").counts["components"]["bm25"]) == 1
    after = home.found("living", WORDS, recipe)
    assert [list(found.items()) for found in after] == [list(found.items()) for found in fresh]


def test_an_update_adds_a_small_segment_and_keeps_the_others(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.day({str(i): f"w{i}" for i in range(1, 9)})
    home.corpus().close()
    home.index("living")
    first = read_manifest(tmp_path / "indexes" / "living").counts["components"]["bm25"]
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "indexes/living" / first[0]).rglob("*")}
    home.day({"3": "w8 changed", "4": None, "20": "w9"})
    home.corpus().close()
    home.index("living", thorough=False)

    assert read_manifest(tmp_path / "indexes" / "living").counts["components"]["bm25"][:1] == first
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert [list(found) for found in home.found("living", ["w3", "w4", "w8", "changed", "w9"])] == [
        [], [], ["8", "3"], ["3"], ["20"],
    ]  # fmt: skip


def test_a_deletion_that_is_taken_back_brings_the_document_back(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.day({"1": "w1", "2": "w2"})
    home.day({"1": None})
    home.corpus().close()
    home.index("living")
    assert home.found("living", ["w1"]) == [{}]
    home.day({"3": "w3"}, number=2)
    home.corpus().close()
    home.index("living", thorough=False)
    assert [list(found) for found in home.found("living", ["w1", "w2", "w3"])] == [["1"], ["2"], ["3"]]


def test_readers_go_on_through_updates_and_leave_nothing_behind(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.day({"1": "w1 old", "2": "w2"})
    store = home.corpus()
    home.index("living")
    folder = tmp_path / "indexes" / "living"
    reader = open_index(folder, BM25, store)
    assert reader.bm25 is not None
    for day in range(3):
        home.day({"1": f"w1 new{day}", str(10 + day): "w3"})
        home.corpus().close()
        home.index("living", merge=True)
    assert reader.bm25.search(["old"], 1).rows[0].tolist() == [0]
    assert store.read([0])[0].sections[0].text == "w1 old"
    assert reader.bm25.allowed_rows(Filter(has_abstract=True)).tolist() == [True, True]

    reader.close()
    store.close()
    home.corpus().close()
    home.index("living")
    assert len(list(folder.glob("bm25-*"))) == 1
    assert len(list((tmp_path / "corpora" / "demo" / "states").iterdir())) == 1


def test_an_update_encodes_only_what_has_changed(tiny_model: Callable[..., Path], tmp_path: Path) -> None:
    dense = DenseSettings(encoder=str(tiny_model("mean")), precision="fp32")
    recipe = Recipe(bm25=None, dense=dense, retrieve=RetrieveSettings(retrievers=("dense",)))
    home = Home(tmp_path)
    home.day({str(i): f"text number {i}" for i in range(1, 40)})
    home.corpus().close()
    home.index("living", recipe)

    def encoded() -> list[int]:
        folder = tmp_path / "indexes" / "living"
        names = read_manifest(folder).counts["components"]["dense"]
        return [msgspec.json.decode((folder / name / "dense.json").read_bytes())["n_encoded"] for name in names]

    assert encoded() == [39]
    home.day({"3": "another text", "4": None, "50": "text number 5"})
    home.corpus().close()
    home.index("living", recipe, thorough=False)
    assert encoded() == [39, 1], "one text is new; the other is that of a document that is there already"
    home.index("living", recipe, merge=True)
    assert encoded() == [0]


def test_merging_leaves_few_segments_and_moves_each_document_seldom() -> None:
    spans, moved, n_days = [Span(0, 1, 0, 100_000, "base")], 0, 300
    for day in range(1, n_days + 1):
        spans.append(Span(day, day + 1, spans[-1].end_row, spans[-1].end_row + 100, f"day{day}"))
        dead = np.zeros(spans[-1].end_row, dtype=bool)
        after = to_merge(spans, dead, [span.end_row - span.first_row for span in spans])
        moved += sum(span.end_row - span.first_row for span in after if not span.folder)
        spans = [Span(s.first_part, s.end_part, s.first_row, s.end_row, s.folder or f"merged{day}") for s in after]
        assert [span.first_row for span in spans[1:]] == [span.end_row for span in spans[:-1]]
        assert len(spans) <= MANY
    assert moved / (100 * n_days) < 6, "each of the new documents was written a few times"


def test_an_index_that_is_to_have_some_segments_keeps_about_as_many_large_ones() -> None:
    parts = [PartEntry(f"part{place}", 1000, str(place)) for place in range(16)]
    spans = divided([Span(0, 16, 0, 16_000)], parts, 8)
    assert [(span.first_row, span.end_row) for span in spans] == [(n, n + 2000) for n in range(0, 16_000, 2000)]

    spans = [Span(s.first_part, s.end_part, s.first_row, s.end_row, f"base{place}") for place, s in enumerate(spans)]
    for day in range(100):
        spans.append(Span(16 + day, 17 + day, spans[-1].end_row, spans[-1].end_row + 10, f"day{day}"))
        dead = np.zeros(spans[-1].end_row, dtype=bool)
        after = to_merge(spans, dead, [span.end_row - span.first_row for span in spans], n_segments=8)
        spans = [Span(s.first_part, s.end_part, s.first_row, s.end_row, s.folder or f"merged{day}") for s in after]
    assert [span.folder for span in spans[:8]] == [f"base{place}" for place in range(8)]
    assert len(spans) <= 8 + MANY


def test_the_lexicon_of_an_updated_index_counts_what_a_fresh_one_counts(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.day({"1": "Blood pressure (BP) falls.", "2": "Heart rate (HR) rises."})
    home.corpus().close()
    home.index("living")
    home.day({"3": "Blood pressure (BP) rises."})
    home.corpus().close()
    home.index("living")
    home.index("fresh", merge=True)
    lexicons = []
    for name in ("living", "fresh"):
        with DocumentStore.open(tmp_path / "corpora" / "demo") as store:
            index = open_index(tmp_path / "indexes" / name, BM25, store)
            assert index.lexicon is not None
            lexicons.append((index.lexicon.n_documents, index.lexicon.n_with("rises"), index.lexicon.abbreviations))
            index.close()
    assert lexicons[0] == lexicons[1] == (3, 2, {"BP": {"blood pressure": 2}, "HR": {"heart rate": 1}})
    file = next((tmp_path / "indexes" / "fresh").glob("lexicon-*/lexicon.msgpack"))
    content = file.read_bytes()
    file.unlink()  # another index may link to it
    file.write_bytes(bytes([255]) * len(content))
    with (
        DocumentStore.open(tmp_path / "corpora" / "demo") as store,
        pytest.raises(ProductError, match=r"damaged.*ragqa index build fresh"),
    ):
        open_index(tmp_path / "indexes" / "fresh", BM25, store)
