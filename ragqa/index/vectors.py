"""Vectors belong to texts: a store of the vectors of documents, shared by all indexes, so that none is encoded twice.

The key of a document is the hash of its title and abstract; its value the vectors of its passages. There is one SQLite
file for each encoder and way of cutting texts, so that what a killed build has stored is there for the next one, and
several processes may read and write. Every value carries a checksum: one that is damaged counts as missing and is
encoded again.
"""

import contextlib
import hashlib
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np

from ragqa.corpus.scripts import on_the_line
from ragqa.corpus.text import abstract_of, title_of
from ragqa.errors import BackendError, ProductError
from ragqa.types import Document

KEY_BYTES = 16
"""Size of the key of a document."""

_AT_ONCE = 500  # keys of one look-up
_PATIENCE_S = 120.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
    number INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    n_passages INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    vectors BLOB NOT NULL
)
"""


def text_key(document: Document) -> bytes:
    """The key of what a document is encoded from: ``KEY_BYTES`` bytes."""
    digest = hashlib.blake2b(digest_size=KEY_BYTES)
    for text in (title_of(document), abstract_of(document)):
        data = on_the_line(text).encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.digest()


class VectorStore:
    """The vectors that one encoder made of texts.

    Parameters
    ----------
    path
        The file; it is made where it is not there.
    dim
        Dimensions of a vector.
    """

    def __init__(self, path: Path, dim: int) -> None:
        self._path = path
        self._dim = dim
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._explained():
            self._connection = sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None)
            self._connection.execute(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def missing(self, keys: Sequence[bytes]) -> list[int]:
        """The places of those ``keys`` that have no sound vectors here."""
        found = self._found(keys)
        return [place for place, key in enumerate(keys) if key not in found]

    def get(self, keys: Sequence[bytes]) -> list[np.ndarray]:
        """The vectors of each key: float16 [n_passages, dim].

        Raises
        ------
        ProductError
            One is missing or damaged.
        """
        found = self._found(keys)
        if any(key not in found for key in keys):
            raise ProductError(
                f"{self._path} lost vectors that it had; run the same command again: they are encoded anew"
            )
        return [found[key] for key in keys]

    def put(self, items: Sequence[tuple[bytes, np.ndarray]]) -> None:
        """Keep the vectors of some keys ([n_passages, dim], as float16), all of them or, after a crash, none."""
        lines = []
        for key, vectors in items:
            data = np.ascontiguousarray(vectors, dtype="<f2").tobytes()
            lines.append((key, len(vectors), zlib.crc32(key + data), data))
        with self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(
                    "INSERT OR REPLACE INTO vectors (key, n_passages, checksum, vectors) VALUES (?, ?, ?, ?)", lines
                )
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def __len__(self) -> int:
        with self._explained():
            return int(self._connection.execute("SELECT COUNT(*) FROM vectors").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _found(self, keys: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        found: dict[bytes, np.ndarray] = {}
        for start in range(0, len(keys), _AT_ONCE):
            part = keys[start : start + _AT_ONCE]
            signs = ",".join("?" * len(part))
            with self._explained():
                lines = self._connection.execute(
                    f"SELECT key, n_passages, checksum, vectors FROM vectors WHERE key IN ({signs})",  # noqa: S608
                    part,
                ).fetchall()
            for key, n_passages, checksum, data in lines:
                if zlib.crc32(key + data) == checksum and len(data) == 2 * n_passages * self._dim:
                    found[key] = np.frombuffer(data, dtype="<f2").reshape(n_passages, self._dim)
        return found

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise BackendError(
                f"cannot read or write the vectors in {self._path} ({error}); free some disk, or let RAGQA_HOME name a "
                "folder that can be written to, and run the same command again: what is encoded is kept"
            ) from error
        except sqlite3.DatabaseError as error:
            raise ProductError(
                f"the vectors in {self._path} are damaged ({error}); remove that file and run the same command again: "
                "the texts are encoded anew"
            ) from error
