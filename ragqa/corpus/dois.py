"""Which rows have a DOI: two sorted arrays, made when a DOI is first looked for."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import numpy as np

from ragqa.corpus.keys import document_keys
from ragqa.corpus.part import PARQUET_FILE
from ragqa.corpus.text import one_line
from ragqa.errors import ProductError


class DoiColumn:
    """The DOIs of a corpus, compared without regard to case: 16 bytes a row that has one. Threads may share it."""

    def __init__(self, parts: Sequence[Path], starts: np.ndarray, remedy: str) -> None:
        self._parts, self._starts, self._remedy = parts, starts, remedy
        self._sorted: tuple[np.ndarray, np.ndarray] | None = None
        self._lock = Lock()

    def rows(self, dois: Sequence[str]) -> list[np.ndarray]:
        """The rows that may have each DOI, dead ones included: int64 [n] each; two DOIs can share a key.

        Raises
        ------
        ProductError
            A Parquet part is missing or damaged.
        """
        with self._lock:
            if self._sorted is None:
                self._sorted = self._read()
        keys, rows = self._sorted
        wanted = document_keys(f"doi:{doi.lower()}" for doi in dois)
        first, last = np.searchsorted(keys, wanted, "left"), np.searchsorted(keys, wanted, "right")
        return [rows[begin:end] for begin, end in zip(first, last, strict=True)]

    def _read(self) -> tuple[np.ndarray, np.ndarray]:
        import pyarrow as pa
        import pyarrow.parquet

        keys, rows = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
        for start, part in zip(self._starts, self._parts, strict=False):
            path = part / PARQUET_FILE
            try:
                column = pa.parquet.read_table(path, columns=["doi"], page_checksum_verification=True).column("doi")
            except (OSError, KeyError, ValueError, pa.ArrowException) as error:
                raise ProductError(f"{path} is missing or damaged ({one_line(str(error))}); {self._remedy}") from error
            texts: list[str | None] = column.to_pylist()
            there = [place for place, doi in enumerate(texts) if doi]
            keys.append(document_keys(f"doi:{str(texts[place]).lower()}" for place in there))
            rows.append(np.array(there, dtype=np.int64) + int(start))
        all_keys, all_rows = np.concatenate(keys), np.concatenate(rows)
        order = np.argsort(all_keys, kind="stable")
        return all_keys[order], all_rows[order]
