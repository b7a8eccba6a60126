"""The ids of rows, told without reading documents."""

from pathlib import Path

import numpy as np
import pytest

from ragqa import products
from ragqa.corpus.store import DocumentStore
from ragqa.errors import UsageError


@pytest.fixture
def store() -> DocumentStore:
    products.build_corpus("sample")
    return products.open_store("sample")


def test_ids_are_those_of_the_documents_in_any_order_and_twice_where_asked_twice(store: DocumentStore) -> None:
    rows = np.array([5, 0, store.n_rows - 1, 5])

    assert store.ids(rows) == [document.id for document in store.read(rows)]


def test_no_rows_have_no_ids_and_a_row_outside_is_refused(store: DocumentStore) -> None:
    assert store.ids([]) == []
    with pytest.raises(UsageError, match="out of range"):
        store.ids([store.n_rows])


def test_a_missing_parquet_part_is_told(store: DocumentStore, tmp_path: Path) -> None:
    from ragqa.errors import ProductError

    for path in (tmp_path / "home").rglob("*.parquet"):
        path.unlink()
    with pytest.raises(ProductError, match="build it again"):
        store.ids([0])
