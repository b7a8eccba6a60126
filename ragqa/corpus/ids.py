"""Which id the document of a row has, without reading the document."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from ragqa.corpus.part import PARQUET_FILE
from ragqa.corpus.text import one_line
from ragqa.errors import ProductError

if TYPE_CHECKING:
    import pyarrow as pa


class IdColumn:
    """The id of each row. Several threads may share it.

    The ids of a part are read from its Parquet file when a row of it is first asked for, and kept: about twelve
    bytes a row.
    """

    def __init__(self, parts: Sequence[Path], starts: np.ndarray, remedy: str) -> None:
        self._parts = parts
        self._starts = starts
        self._remedy = remedy
        self._columns: dict[int, pa.Array[Any]] = {}
        self._lock = Lock()

    def of(self, rows: np.ndarray) -> list[str]:
        """The ids of ``rows`` (int64 [n], each within the corpus), in the order given.

        Raises
        ------
        ProductError
            A Parquet part is missing or damaged.
        """
        part_of = np.searchsorted(self._starts, rows, side="right") - 1
        found = np.empty(len(rows), dtype=object)
        for part in np.unique(part_of).tolist():
            places = np.flatnonzero(part_of == part)
            wanted = rows[places] - self._starts[part]
            found[places] = self._column(part).take(wanted).to_pylist()
        ids: list[str] = found.tolist()
        return ids

    def _column(self, part: int) -> "pa.Array[Any]":
        with self._lock:
            if part not in self._columns:
                self._columns[part] = self._read(self._parts[part] / PARQUET_FILE)
            return self._columns[part]

    def _read(self, path: Path) -> "pa.Array[Any]":
        import pyarrow as pa
        import pyarrow.parquet

        try:
            # One chunk: taking from many is slower by far.
            column: pa.Array[Any] = (
                pa.parquet.read_table(path, columns=["id"], page_checksum_verification=True)
                .column("id")
                .combine_chunks()
            )
        except (OSError, KeyError, ValueError, pa.ArrowException) as error:
            raise ProductError(f"{path} is missing or damaged ({one_line(str(error))}); {self._remedy}") from error
        return column
