from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.errors import ProductError
from ragqa.index.rank_bm25 import LuceneBm25, RankBm25Index, analyze, build_rank_bm25
from ragqa.index.segments import Placed
from ragqa.recipe import Bm25Settings
from ragqa.types import Document, Filter, MeshHeading, Section

RECIPE = Bm25Settings()


def index(folder: Path, documents: Sequence[Document], recipe: Bm25Settings = RECIPE) -> RankBm25Index:
    build_rank_bm25([list(enumerate(documents))], folder, recipe)
    return RankBm25Index.open([placed(folder, len(documents))], recipe)


def placed(folder: Path, n_rows: int) -> Placed:
    return Placed(folder, 0, np.zeros(n_rows, dtype=bool))


def article(abstract: str, title: str = "", **attributes: object) -> Document:
    sections = tuple(Section(name, text) for name, text in (("title", title), ("abstract", abstract)) if text)
    return Document(id=abstract[:5], sections=sections, **attributes)  # type: ignore[arg-type]


ARTICLES = [
    article("Statins lower cholesterol.", "Statin therapy", year=2001, mesh=(MeshHeading("Humans", "D006801"),)),
    article("Aspirin thins the blood.", year=1990),
    article("A statin and an aspirin.", year=2010, retracted=True),
    article(""),
]


def test_found_filtered_and_padded(tmp_path: Path) -> None:
    searched = index(tmp_path, ARTICLES)
    rows, scores = searched.search(["statins", "the of"], k=3)
    assert rows.tolist() == [[0, 2, -1], [-1, -1, -1]]
    assert np.isneginf(scores[rows < 0]).all()
    assert searched.search(["statins"], 3, Filter(not_retracted=True)).rows.tolist() == [[0, -1, -1]]
    assert searched.search(["aspirin"], 1, Filter(year_from=2000)).rows.tolist() == [[2]]
    assert searched.search(["statin"], 3, Filter(mesh=("humans",))).rows.tolist() == [[0, -1, -1]]
    searched.close()


def test_equal_scores_come_by_row(tmp_path: Path) -> None:
    searched = index(tmp_path, [article("same words") for _ in range(9)])
    assert searched.search(["words"], k=4).rows.tolist() == [[0, 1, 2, 3]]


@given(
    st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=9), min_size=1, max_size=9),
    st.sampled_from("abcdef"),
)
def test_scores_are_lucenes_formula(texts: list[list[str]], word: str) -> None:
    k1, b = 0.9, 0.4
    n, mean = sum(word in text for text in texts), np.mean([len(text) for text in texts])
    idf = np.log(1 + (len(texts) - n + 0.5) / (n + 0.5)) if n else 0.0
    expected = [
        idf * text.count(word) / (text.count(word) + k1 * (1 - b + b * len(text) / mean)) * (k1 + 1) for text in texts
    ]
    np.testing.assert_allclose(LuceneBm25(texts, k1=k1, b=b).get_scores([word]), expected, rtol=1e-9)


def test_k1_of_zero_counts_presence_only(tmp_path: Path) -> None:
    searched = index(tmp_path, [article("pain pain fever"), article("pain relief today")], Bm25Settings(k1=0.0))
    scores = searched.search(["pain"], 2).scores[0]
    assert scores[0] == pytest.approx(scores[1])


def test_boosts(tmp_path: Path) -> None:
    documents = [article("other", "asthma attack"), article("asthma attack", "other")]
    for boosts, best in (({"title": 2.0, "abstract": 1.0}, 0), ({"title": 0.0, "abstract": 1.0}, 1)):
        assert index(tmp_path, documents, Bm25Settings(fields=boosts)).search(["asthma"], 1).rows.tolist() == [[best]]


def test_the_index_is_readable_text_in_the_order_of_rows(tmp_path: Path) -> None:
    index(tmp_path, ARTICLES)
    lines = (tmp_path / "documents.jsonl").read_text().splitlines()
    assert lines[1].startswith('{"row":1,"fields":{"contents":"aspirin thin blood"}')


@pytest.mark.parametrize("damage", ["delete", "truncate", "binary"])
def test_damage_is_one_clear_error(damage: str, tmp_path: Path) -> None:
    index(tmp_path, ARTICLES)
    path = tmp_path / "documents.jsonl"
    data = path.read_bytes()
    path.unlink() if damage == "delete" else path.write_bytes(
        data[:-20] if damage == "truncate" else b"\xff\x00" + data
    )
    with pytest.raises(ProductError, match="index build"):
        RankBm25Index.open([placed(tmp_path, 4)], Bm25Settings())


def test_a_field_that_was_not_indexed_is_an_error(tmp_path: Path) -> None:
    index(tmp_path, ARTICLES)
    with pytest.raises(ProductError, match="no field title"):
        RankBm25Index.open([placed(tmp_path, 4)], Bm25Settings(fields={"title": 1.0}))


@pytest.mark.parametrize("query", ["", "\0", "\ud800", "the", "((*", "心筋梗塞"])
def test_odd_queries_find_nothing_and_do_not_fail(query: str, tmp_path: Path) -> None:
    assert index(tmp_path, ARTICLES).search([query], k=1).rows.tolist() == [[-1]]


def test_an_empty_corpus_finds_nothing(tmp_path: Path) -> None:
    assert index(tmp_path, []).search(["anything"], k=2).rows.tolist() == [[-1, -1]]


def test_plurals_meet_their_singular() -> None:
    assert analyze("Studies of the Diseases, viruses") == analyze("study disease viruse")


def test_several_fields_add_their_weighted_frequencies(tmp_path: Path) -> None:
    recipe = Bm25Settings(fields={"title": 2.0, "abstract": 1.0})
    searched = index(tmp_path, [article("pain", "pain"), article("pain pain pain fever", "x"), article("x")], recipe)
    texts = [{"pain": 3.0}, {"pain": 3.0, "fever": 1.0, "x": 2.0}, {"x": 1.0}]
    expected = LuceneBm25(texts, k1=0.9, b=0.4).get_scores(["pain"]) / 1.9
    np.testing.assert_allclose(searched.scores(["pain"]), expected)
