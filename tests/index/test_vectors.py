"""The store of vectors: kept by text, whole or not at all, and never a damaged one."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from ragqa.errors import BackendError, ProductError
from ragqa.index.vectors import VectorStore, text_key
from ragqa.types import Document, Section


def vectors(seed: int, n: int) -> np.ndarray:
    return np.random.default_rng(seed).random((n, 4)).astype(np.float16)


def test_what_was_put_is_got_back_in_any_order_and_by_another_process_s_handle(tmp_path: Path) -> None:
    items = [(i.to_bytes(16), vectors(i, i % 3)) for i in range(1200)]
    with VectorStore(tmp_path / "v.sqlite", 4) as store, VectorStore(tmp_path / "v.sqlite", 4) as other:
        store.put(items)
        wanted = [key for key, _ in reversed(items)]
        for got, (_, expected) in zip(other.get(wanted), reversed(items), strict=True):
            assert np.array_equal(got, expected)
        assert other.missing([b"x" * 16, wanted[0]]) == [0]


def test_a_flipped_bit_is_never_served(tmp_path: Path) -> None:
    path = tmp_path / "v.sqlite"
    with VectorStore(path, 4) as store:
        store.put([(b"a" * 16, vectors(1, 2)), (b"b" * 16, vectors(2, 1))])
    with sqlite3.connect(path) as connection:
        (data,) = connection.execute("SELECT vectors FROM vectors WHERE key = ?", [b"a" * 16]).fetchone()
        flipped = bytes([data[0] ^ 1]) + data[1:]
        connection.execute("UPDATE vectors SET vectors = ? WHERE key = ?", [flipped, b"a" * 16])
    with VectorStore(path, 4) as store:
        assert store.missing([b"a" * 16, b"b" * 16]) == [0]
        with pytest.raises(ProductError, match="run the same command again"):
            store.get([b"a" * 16])
        store.put([(b"a" * 16, vectors(3, 2))])
        assert np.array_equal(store.get([b"a" * 16])[0], vectors(3, 2))


def test_a_file_that_is_none_and_a_folder_that_cannot_be_written_are_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "v.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(ProductError, match="remove that file"):
        VectorStore(tmp_path / "v.sqlite", 4)
    (tmp_path / "folder.sqlite").mkdir()
    with pytest.raises(BackendError, match="can be written to"):
        VectorStore(tmp_path / "folder.sqlite", 4)


def test_the_key_tells_title_and_abstract_apart() -> None:
    one = Document("1", (Section("title", "ab"), Section("abstract", "c")))
    other = Document("1", (Section("title", "a"), Section("abstract", "bc")))
    renamed = Document("2", one.sections, year=1999)
    assert text_key(one) != text_key(other)
    assert text_key(one) == text_key(renamed)
