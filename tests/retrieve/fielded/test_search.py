"""What fielded queries find in the sample: exactly what reading every article would."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

import ragqa
from ragqa.corpus.text import abstract_of, title_of
from ragqa.engine import Engine
from ragqa.errors import ClusterError, UsageError
from ragqa.index.open import Bm25Index
from ragqa.retrieve.fielded.search import FieldedSearch, is_author
from ragqa.retrieve.filter_names import FilterNames
from ragqa.types import Document, Filter, PartlyRanked, Ranked


@pytest.fixture(scope="module")
def engine(built_sample: Path) -> Iterator[Engine]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGQA_HOME", str(built_sample))
        with ragqa.open("sample") as opened:
            yield opened


@pytest.fixture(scope="module")
def documents(engine: Engine) -> list[Document]:
    return [document for batch in engine.store.scan() for _, document in batch]


def kinds(document: Document) -> set[str]:
    return {kind.name.casefold() for kind in document.publication_types}


def headings(document: Document) -> set[str]:
    return {heading.name for heading in document.mesh}


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("statin[ti]", lambda d: "statin" in title_of(d).casefold().replace("statins", "statin").split()),
        ("2005:2010[dp]", lambda d: d.year is not None and 2005 <= d.year <= 2010),
        ("2007[dp]", lambda d: d.year == 2007),
        ("review[pt] OR meta-analysis[pt]", lambda d: bool(kinds(d) & {"review", "meta-analysis"})),
        ('"risk factors"[tiab]', lambda d: "risk factors" in f"{title_of(d)} | {abstract_of(d)}".casefold()),
        (
            "follow-up[tiab]",
            lambda d: (
                re.search(r"\bfollow(?:s|ed|ing)?\b", words := f"{title_of(d)} {abstract_of(d)}".casefold())
                and re.search(r"\bups?\b", words)
            ),
        ),
        ("eng[la] NOT 1000:2010[dp]", lambda d: "eng" in d.languages and not (d.year and d.year <= 2010)),
        ("17916877[pmid] OR 21881325[pmid]", lambda d: d.id in {"17916877", "21881325"}),
        (
            "Humans[mh] AND (1000:2003[dp] OR review[pt])",
            lambda d: "Humans" in headings(d) and ((d.year and d.year <= 2003) or "review" in kinds(d)),
        ),
    ],
)
def test_exactly_what_the_query_says_is_found(
    engine: Engine, documents: list[Document], query: str, fits: Callable[[Document], bool]
) -> None:
    hits, total = engine.search_fielded(query, 1_000)
    found = {hit.document_id for hit in hits}

    assert total == len(hits) == len(found)
    assert found == {d.id for d in documents if fits(d)}
    assert found


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("smith", True),
        ("Smith J", True),
        ("smith ja", True),
        ("smit", False),
        ("smith b", False),
        ("van der berg", True),
    ],
)
def test_an_author_is_found_by_name_and_initials(wanted: str, expected: bool) -> None:
    assert is_author(wanted, Document("1", authors=("Smith JA", "van der Berg K"))) is expected


def test_the_best_come_first_and_only_as_many_as_wanted(engine: Engine) -> None:
    hits, total = engine.search_fielded("patients OR children", 3)

    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert total > 3
    assert hits[0].score >= hits[1].score >= hits[2].score > 0


def test_the_filter_holds_too(engine: Engine) -> None:
    all_hits, total = engine.search_fielded("patients", 1_000)
    some, fewer = engine.search_fielded("patients", 1_000, Filter(year_from=2010))

    assert 0 < fewer < total
    assert {hit.document_id for hit in some} < {hit.document_id for hit in all_hits}


def test_a_name_that_the_index_does_not_know_is_told_with_its_place(engine: Engine) -> None:
    with pytest.raises(UsageError, match="did you mean 'Atrial Fibrillation'") as caught:
        engine.search_fielded("statins AND Atrial Fibrilation[mh]", 10)

    assert "statins AND ▸Atrial" in str(caught.value)


class HalfLost:
    """An index on a cluster of which a machine is lost at the moment: it does not search the later rows."""

    def __init__(self, whole: Bm25Index, n_rows: int) -> None:
        self.whole, self.n_rows = whole, n_rows
        self.allowed_rows, self.n_allowed, self.close = whole.allowed_rows, whole.n_allowed, whole.close

    def search(self, queries: Sequence[str], k: int, allowed: Filter = Filter()) -> Ranked:
        rows, scores = self.whole.search(queries, k, allowed)
        lost = rows >= self.n_rows // 2
        return PartlyRanked(
            np.where(lost, -1, rows), np.where(lost, -np.inf, scores), ((self.n_rows // 2, self.n_rows),)
        )


@pytest.mark.parametrize("query", ["patients", "Humans[mh] NOT patients", "patients[ti]"])
def test_what_was_searched_in_part_is_refused_in_any_place_of_a_query(engine: Engine, query: str) -> None:
    whole = engine.index.bm25
    assert whole is not None
    half = HalfLost(whole, engine.store.n_rows)

    with pytest.raises(ClusterError, match="no machine of the cluster searched the records"):
        FieldedSearch(engine.store, half, FilterNames(engine.store, half.n_allowed)).search(query, 10)
