import shutil
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragqa.errors import BackendError, ProductError, RecipeError
from ragqa.index.filter_tokens import filter_tokens, matches
from ragqa.index.lucene import LuceneIndex, build_lucene
from ragqa.index.rank_bm25 import LuceneBm25
from ragqa.index.segments import Placed
from ragqa.recipe import Bm25Settings
from ragqa.types import (
    Accession,
    Chemical,
    Document,
    Filter,
    MeshHeading,
    PublicationType,
    Section,
    SupplementaryConcept,
)

RECIPE = Bm25Settings()
slow = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def article(number: int, abstract: str = "", title: str = "", **attributes: object) -> Document:
    sections = tuple(Section(name, text) for name, text in (("title", title), ("abstract", abstract)) if text)
    return Document(id=str(number), sections=sections, **attributes)  # type: ignore[arg-type]


def batches(documents: Sequence[Document], size: int = 4) -> Iterator[list[tuple[int, Document]]]:
    numbered = list(enumerate(documents))
    for start in range(0, len(numbered), size):
        yield numbered[start : start + size]


def placed(folder: Path, n_rows: int, first_row: int = 0, dead: Sequence[int] = ()) -> Placed:
    mask = np.zeros(n_rows, dtype=bool)
    mask[list(dead)] = True
    return Placed(folder, first_row, mask)


def index(folder: Path, documents: Sequence[Document], recipe: Bm25Settings = RECIPE, threads: int = 2) -> LuceneIndex:
    numbered = list(batches(documents))
    share = -(-len(numbered) // threads)
    build_lucene([numbered[i * share : (i + 1) * share] for i in range(threads)], folder, recipe)
    return LuceneIndex.open([placed(folder, len(documents))], recipe)


STATINS = [
    article(0, "Statins lower cholesterol.", "Statins and the heart"),
    article(1, "Aspirin thins the blood."),
    article(2, "Running with statins: muscles ache."),
    article(3),
]


def test_what_is_raised_or_lowered_is_found_on_the_line(tmp_path: Path) -> None:
    texts = ["Output of CO₂ rose.", "Exposure to PM_2.5 rose.", "It was 2.88×10⁴.", "Nothing of that."]
    searched = index(tmp_path, [article(i, text) for i, text in enumerate(texts)])

    queries = ["CO2", "CO₂", "PM2.5", "PM_2.5"]
    assert searched.search(queries, 1).rows[:, 0].tolist() == [0, 0, 1, 1]
    searched.close()


def test_substances_concepts_and_numbers_of_trials_are_searched_where_the_recipe_says_so(tmp_path: Path) -> None:
    found = article(
        0,
        "word",
        chemicals=(Chemical("Bisoprolol", "D017298"),),
        supplementary_concepts=(SupplementaryConcept("Brugada syndrome 3", "C567059", "Disease"),),
        accessions=(Accession("ClinicalTrials.gov", "NCT00000620"),),
    )
    fields = {"contents": 1.0, "chemicals": 1.0, "supplementary_concepts": 1.0, "accessions": 1.0}
    searched = index(tmp_path, [article(1, "word"), found], Bm25Settings(fields=fields))

    rows = searched.search(["bisoprolol", "Brugada", "nct00000620", "D017298"], 1).rows[:, 0].tolist()
    assert rows == [1, 1, 1, -1]
    searched.close()


@pytest.fixture(scope="module")
def statins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LuceneIndex]:
    opened = index(tmp_path_factory.mktemp("statins"), STATINS)
    yield opened
    opened.close()


def test_found_by_stem_and_padded(statins: LuceneIndex) -> None:
    rows, scores = statins.search(["statin", "blood clots"], k=3)
    assert rows.tolist() == [[0, 2, -1], [1, -1, -1]]
    assert rows.dtype == np.int64
    assert scores.dtype == np.float32
    assert np.isneginf(scores[rows < 0]).all()
    assert (scores[rows >= 0] > 0).all()


WORDS = [f"w{i}" for i in range(8)]  # the analyzer leaves such words as they are
words = st.lists(st.sampled_from(WORDS), max_size=8)
texts = st.lists(st.lists(st.sampled_from(WORDS), max_size=39), min_size=1, max_size=25)
questions = st.lists(st.lists(st.sampled_from([*WORDS, "unseen"]), max_size=6), min_size=1, max_size=4)


@slow
@given(texts, questions, st.floats(0.01, 3), st.floats(0, 1), st.integers(1, 3), st.integers(1, 30))
def test_order_and_scores_are_those_of_rank_bm25(  # noqa: PLR0917
    tmp_path: Path, tokens: list[list[str]], queries: list[list[str]], k1: float, b: float, threads: int, k: int
) -> None:
    """Same tokens in, same order out; equal scores by row. (Lucene keeps lengths below 40 exactly.)"""
    documents = [article(i, " ".join(words)) for i, words in enumerate(tokens)]
    searched = index(tmp_path / "x", documents, Bm25Settings(k1=k1, b=b), threads=threads)
    found = searched.search([" ".join(query) for query in queries], k)
    searched.close()

    places = [i for i, words in enumerate(tokens) if words]  # empty documents do not count in Lucene's statistics
    oracle = LuceneBm25([tokens[i] for i in places], k1=k1, b=b) if places else None
    for query, rows, scores in zip(queries, *found, strict=True):
        expected = np.zeros(len(tokens))
        if oracle is not None:
            expected[places] = oracle.get_scores(query) / (k1 + 1)
        n = min(k, int((expected > 0).sum()))
        assert (rows[n:] == -1).all()
        np.testing.assert_allclose(scores[:n], np.sort(expected)[::-1][:n], rtol=1e-5)
        np.testing.assert_allclose(scores[:n], expected[rows[:n]], rtol=1e-5)
        assert len(set(rows[:n].tolist())) == n
        for i in range(n - 1):
            assert (scores[i], -rows[i]) > (scores[i + 1], -rows[i + 1])


@slow
@given(st.lists(st.tuples(words, words), min_size=1, max_size=15), words, st.floats(0.1, 5), st.floats(0.1, 5))
def test_several_fields_are_scored_as_bm25f(
    tmp_path: Path, texts: list[tuple[list[str], list[str]]], query: list[str], title: float, abstract: float
) -> None:
    """The frequencies of the fields, times their boosts, are added; n and N are the greatest of a field."""
    recipe = Bm25Settings(fields={"title": title, "abstract": abstract})
    documents = [article(i, " ".join(second), " ".join(first)) for i, (first, second) in enumerate(texts)]
    searched = index(tmp_path / "x", documents, recipe)
    rows, scores = searched.search([" ".join(query)], len(texts))
    searched.close()

    weighted = [{word: title * a.count(word) + abstract * b.count(word) for word in {*a, *b}} for a, b in texts]
    n_documents = max(sum(bool(pair[field]) for pair in texts) for field in (0, 1))
    expected = np.zeros(len(texts))
    if n_documents:
        mean = sum(sum(frequencies.values()) for frequencies in weighted) / n_documents
        for word in query:
            n = max(sum(word in pair[field] for pair in texts) for field in (0, 1))
            idf = np.log(1 + (n_documents - n + 0.5) / (n + 0.5))
            for row, frequencies in enumerate(weighted):
                tf, length = frequencies.get(word, 0.0), sum(frequencies.values())
                expected[row] += idf * tf / (tf + 0.9 * (0.6 + 0.4 * length / mean)) if tf else 0.0
    found = rows[0][rows[0] >= 0]
    assert len(found) == (expected > 0).sum()
    # Lucene keeps the length over all fields as a whole number.
    np.testing.assert_allclose(scores[0][: len(found)], expected[found], rtol=0.1)


@pytest.mark.parametrize("threads", [1, 3])
def test_ties_at_the_cut_go_to_the_first_rows(tmp_path: Path, threads: int) -> None:
    documents = [article(i, "common words here" if i % 3 else "rare common words here") for i in range(200)]
    searched = index(tmp_path, documents, threads=threads)
    rows = searched.search(["common"], k=7).rows[0]
    assert rows.tolist() == [1, 2, 4, 5, 7, 8, 10]
    assert searched.search(["rare"], k=5).rows[0].tolist() == [0, 3, 6, 9, 12]
    searched.close()


def test_one_query_and_a_batch_and_a_repetition_give_the_same(tmp_path: Path) -> None:
    documents = [article(i, " ".join(f"w{(i * j) % 17}" for j in range(1, 12))) for i in range(300)]
    queries = [f"w{i % 17} w{i % 5} w{i % 3}" for i in range(60)]
    searched = index(tmp_path, documents)
    together = searched.search(queries, k=10)
    for place in [*range(59, -1, -1), 3, 3]:
        alone = searched.search([queries[place]], k=10)
        assert alone.rows[0].tolist() == together.rows[place].tolist()
        assert alone.scores[0].tolist() == together.scores[place].tolist()
    searched.close()


def test_threads_may_share_indexes(tmp_path: Path) -> None:
    first = index(tmp_path / "first", [article(i, f"common w{i % 7}") for i in range(100)])
    second = index(tmp_path / "second", [article(i, f"common w{i % 5} more") for i in range(100)])
    jobs = [(opened, f"w{i % 5}", k) for i in range(200) for opened in (first, second) for k in (1 + i % 3,)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda job: job[0].search([job[1]], job[2]).rows.tolist(), jobs))
    assert found == [opened.search([query], k).rows.tolist() for opened, query, k in jobs]
    first.close()
    second.close()


TYPES = [PublicationType("Randomized Controlled Trial", "D016449"), PublicationType("Review", "D016454")]
HEADINGS = [MeshHeading("Breast Neoplasms", "D001943"), MeshHeading("Humans", "D006801")]
documents_with_attributes = st.builds(
    lambda types, mesh, journal, year, language, abstract, retracted, named: article(
        0,
        "word" if abstract else "",
        "word",
        publication_types=tuple(types),
        mesh=tuple(mesh),
        journal=journal,
        year=year,
        languages=(language,),
        retracted=retracted,
        chemicals=(Chemical("Aspirin", "D001241", "R16CO5Y76E"),) if named else (),
        supplementary_concepts=(SupplementaryConcept("COVID-19", "C000657245"),) if named else (),
        accessions=(Accession("ClinicalTrials.gov", "NCT00000620"),) if named else (),
    ),
    st.lists(st.sampled_from(TYPES), unique=True),
    st.lists(st.sampled_from(HEADINGS), unique=True),
    st.sampled_from(["", "The Lancet", "BMJ (Clinical research ed.)"]),
    st.sampled_from([None, 1975, 1999, 2000, 2020]),
    st.sampled_from(["eng", "ger"]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
years = st.sampled_from([None, 1975, 1998, 2000, 2021])
filters = st.builds(
    Filter,
    year_from=years,
    year_to=years,
    publication_types=st.sampled_from([(), ("REVIEW",), ("d016449", "Review"), ("Letter",)]),
    mesh=st.sampled_from([(), ("breast neoplasms",), ("D006801", "nothing")]),
    journals=st.sampled_from([(), ("the lancet",), ("BMJ (Clinical Research Ed.)", "other")]),
    languages=st.sampled_from([(), ("ENG",), ("ger", "fre")]),
    has_abstract=st.booleans(),
    not_retracted=st.booleans(),
    chemicals=st.sampled_from([(), (), ("aspirin",), ("r16co5y76e",), ("D001241", "other"), ("ibuprofen",)]),
    supplementary_concepts=st.sampled_from([(), (), ("covid-19",), ("C000657245",)]),
    accessions=st.sampled_from([(), (), ("NCT00000620",), ("NCT1",)]),
)


def plainly_allowed(document: Document, allowed: Filter) -> bool:
    def has(wanted: tuple[str, ...], names: Sequence[str]) -> bool:
        return not wanted or bool({name.casefold() for name in wanted} & {name.casefold() for name in names})

    year_wanted = allowed.year_from is not None or allowed.year_to is not None
    return (
        (not year_wanted or document.year is not None)
        and (allowed.year_from is None or document.year >= allowed.year_from)  # type: ignore[operator]
        and (allowed.year_to is None or document.year <= allowed.year_to)  # type: ignore[operator]
        and has(allowed.publication_types, [name for t in document.publication_types for name in (t.name, t.ui)])
        and has(allowed.mesh, [name for heading in document.mesh for name in (heading.name, heading.ui)])
        and has(allowed.journals, [document.journal])
        and has(allowed.languages, document.languages)
        and has(allowed.chemicals, [n for c in document.chemicals for n in (c.name, c.ui, c.registry_number)])
        and has(allowed.supplementary_concepts, [n for c in document.supplementary_concepts for n in (c.name, c.ui)])
        and has(allowed.accessions, [accession.number for accession in document.accessions])
        and (not allowed.has_abstract or len(document.sections) == 2)
        and (not allowed.not_retracted or not document.retracted)
    )


@slow
@given(st.lists(documents_with_attributes, min_size=1, max_size=30), st.lists(filters, min_size=1, max_size=5))
def test_filters_give_exactly_the_allowed_documents(
    tmp_path: Path, documents: list[Document], wanted: list[Filter]
) -> None:
    searched = index(tmp_path / "x", documents)
    for allowed in wanted:
        expected = {row for row, document in enumerate(documents) if plainly_allowed(document, allowed)}
        rows = searched.search(["word"], len(documents), allowed).rows[0]
        assert set(rows[rows >= 0].tolist()) == expected
        tokens = [frozenset(filter_tokens(document)) for document in documents]
        assert {row for row, own in enumerate(tokens) if matches(own, allowed)} == expected
    searched.close()


def test_k_hits_come_back_when_k_exist(tmp_path: Path) -> None:
    documents = [article(i, "word " * (1 if i < 50 else 5), year=1990 if i < 50 else 2010) for i in range(500)]
    searched = index(tmp_path, documents)
    rows = searched.search(["word"], 20, Filter(year_to=1999)).rows[0]
    assert rows.tolist() == list(range(20))
    searched.close()


def test_fields_and_boosts_apply_when_searching(tmp_path: Path) -> None:
    documents = [
        article(0, "nothing of note", "asthma"),
        article(1, "asthma asthma asthma", "nothing of note"),
        article(2, "other", mesh=(MeshHeading("Asthma"),), keywords=("inhaler",)),
    ]
    recipe = Bm25Settings(fields={"title": 1, "abstract": 1, "mesh": 1, "keywords": 1})
    build_lucene([batches(documents)], tmp_path, recipe)

    def best(query: str, **boosts: float) -> list[int]:
        opened = LuceneIndex.open([placed(tmp_path, 3)], Bm25Settings(fields=boosts))
        rows = opened.search([query], 3).rows[0]
        opened.close()
        return [row for row in rows.tolist() if row >= 0]

    assert best("asthma", title=5.0, abstract=1.0)[0] == 0
    assert best("asthma", title=0.1, abstract=1.0)[0] == 1
    assert best("asthma", title=0.0, abstract=1.0) == [1]
    assert best("asthma", mesh=1.0) == [2]
    assert best("inhalers", keywords=2.0) == [2]
    with pytest.raises(ProductError, match=r"no field contents, only abstract, keywords, mesh, title.*index build"):
        best("asthma", contents=1.0)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "   ",
        "the of and",
        "\0",
        "\ud800",
        '+-&&||!(){}[]^"~*?:\\/',
        "AND OR NOT",
        "\x1e",
        "(statin",
        'title:"x',
        "𝛼😀",
    ],
)
def test_odd_queries_never_fail(query: str, statins: LuceneIndex) -> None:
    rows, scores = statins.search([query, "aspirin", query], k=2)
    assert rows[1].tolist() == [1, -1]
    assert rows.shape == scores.shape == (3, 2)
    assert ((rows >= 0) == np.isfinite(scores)).all()


def test_syntax_is_plain_text_and_scripts_are_kept_apart(tmp_path: Path) -> None:
    documents = [
        article(0, "statin +aspirin"),
        article(1, "心筋梗塞 治療"),
        article(2, "инфаркт миокарда"),
        article(3, "𝛼 x😀y"),
    ]
    searched = index(tmp_path, documents)
    rows = searched.search(["statin AND -aspirin", "心筋梗塞", "миокарда", "𝛼", "\ud835 \udefc"], 1).rows[:, 0]
    assert rows.tolist() == [0, 1, 2, 3, -1]
    searched.close()


def test_a_long_question_is_searched_whole(statins: LuceneIndex) -> None:
    query = " ".join(f"term{i}" for i in range(15_000)) + " aspirin"
    assert len(query) > 100_000
    assert statins.search([query], k=1).rows[0].tolist() == [1]


def test_no_queries_and_k_beyond_the_corpus(statins: LuceneIndex) -> None:
    assert statins.search([], k=5).rows.shape == (0, 5)
    assert statins.search(["statins"], k=0).rows.shape == (1, 0)
    assert (statins.search(["statins"], k=1000).rows >= 0).sum() == 2


def test_an_empty_corpus_finds_nothing(tmp_path: Path) -> None:
    searched = index(tmp_path, [])
    assert searched.search(["anything"], k=2).rows.tolist() == [[-1, -1]]
    searched.close()


def test_rows_with_gaps_keep_their_numbers(tmp_path: Path) -> None:
    numbered = [[(5_000_000_007, article(7, "seven")), (5_000_001_000, article(1000, "thousand"))]]
    build_lucene([numbered], tmp_path, RECIPE, first_row=5_000_000_000)
    searched = LuceneIndex.open([placed(tmp_path, 1001, first_row=5_000_000_000)], RECIPE)
    assert searched.search(["seven", "thousand"], 1).rows[:, 0].tolist() == [5_000_000_007, 5_000_001_000]
    searched.close()


def test_leftovers_of_a_killed_build_are_removed(tmp_path: Path) -> None:
    (tmp_path / "parts" / "0").mkdir(parents=True)
    (tmp_path / "parts" / "0" / "segments_1").write_bytes(b"half")
    (tmp_path / "lucene").mkdir()
    (tmp_path / "lucene" / "_0.si").write_bytes(b"half")
    searched = index(tmp_path, STATINS)
    assert searched.search(["aspirin"], 1).rows.tolist() == [[1]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layout.json", "lucene", "rows.npy"]
    searched.close()


def test_however_many_threads_write_few_documents_lie_in_one_of_lucenes_segments(tmp_path: Path) -> None:
    index(tmp_path, [article(i, "statins") for i in range(40)], threads=3).close()

    assert len(list((tmp_path / "lucene").glob("*.si"))) == 1


def test_a_failing_source_fails_the_build(tmp_path: Path) -> None:
    def broken() -> Iterator[list[tuple[int, Document]]]:
        yield [(0, STATINS[0])]
        raise ProductError("the corpus is damaged")

    with pytest.raises(ProductError, match="the corpus is damaged"):
        build_lucene([broken(), []], tmp_path, RECIPE)
    with pytest.raises(ProductError, match="index build"):
        LuceneIndex.open([placed(tmp_path, len(STATINS))], RECIPE)


def test_progress_counts_every_document(tmp_path: Path) -> None:
    calls: list[int] = []
    build_lucene([batches([article(i, "x") for i in range(10)])], tmp_path, RECIPE, progress=calls.append)
    assert calls == [4, 4, 2]


@pytest.mark.parametrize("fields", [{}, {"contents": 0.0}, {"body": 1.0}])
def test_a_recipe_must_name_known_fields(fields: dict[str, float], tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="known: contents, title, abstract, mesh, keywords"):
        build_lucene([], tmp_path, Bm25Settings(fields=fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("damaged", "how"),
    [
        ("lucene/segments_1", "delete"),
        ("lucene/segments_1", "truncate"),
        ("lucene/*.doc", "delete"),
        ("lucene/*.doc", "truncate"),
        ("lucene/*.tim", "truncate"),
        ("lucene/*.fnm", "empty"),
        ("lucene/*.si", "garble"),
        ("rows.npy", "delete"),
        ("rows.npy", "truncate"),
        ("rows.npy", "empty"),
        ("layout.json", "delete"),
        ("layout.json", "truncate"),
        ("lucene", "delete"),
    ],
)
def test_damaged_files_are_one_clear_error(damaged: str, how: str, tmp_path: Path) -> None:
    index(tmp_path, STATINS).close()
    path = next(tmp_path.glob(damaged))
    if how == "delete":
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    else:
        data = path.read_bytes()
        path.write_bytes({"truncate": data[: len(data) // 2], "empty": b"", "garble": data[::-1]}[how])
    with pytest.raises(ProductError, match="index build") as caught:
        LuceneIndex.open([placed(tmp_path, len(STATINS))], RECIPE)
    assert "\n" not in str(caught.value)


def test_a_closed_index_says_so(tmp_path: Path) -> None:
    searched = index(tmp_path, STATINS)
    searched.close()
    searched.close()
    with pytest.raises(ProductError, match="closed"):
        searched.search(["aspirin"], 1)


def test_without_pyserini_the_command_to_install_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from ragqa.index import java

    monkeypatch.setattr(java, "_running", {})
    monkeypatch.setitem(sys.modules, "pyserini", None)
    with pytest.raises(BackendError, match=r"pip install 'ragqa\[bm25\]'"):
        java.start_jvm()
