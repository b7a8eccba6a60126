"""Which rows of a corpus a :class:`~ragqa.types.Filter` allows.

Columns are read from the Parquet parts when a filter first needs them, and kept as small integers: two bytes a
row for the year, four bytes for each name (a row has about twelve MeSH headings), one byte for a flag.

Filters go through here where an index has no BM25, whose engine makes the rows of a filter otherwise: so a dense index
alone needs no Java, at 17 to 77 ms for a filter by MeSH on 300,000 rows (synthetic ones; Lucene: .4 to 9 ms).
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from ragqa.corpus.part import PARQUET_FILE
from ragqa.corpus.text import one_line
from ragqa.errors import ProductError
from ragqa.types import Filter

if TYPE_CHECKING:
    import pyarrow as pa

_NO_YEAR = -1
_WHITE_SPACE = re.compile(r"\s")
_KEYS = {
    "journal": (),
    "languages": (),
    "chemicals": ("name", "ui", "registry_number"),
    "accessions": ("number",),
}
"""What of a column's structures a name is compared with, where it is not name and UI; nothing for plain texts."""


def as_compared(name: str) -> str:
    """A name as every filter compares it: without regard to case and to the kind of its white space.

    >>> as_compared("N Engl J Med") == as_compared("n engl\u00a0j med")
    True
    """
    return _WHITE_SPACE.sub("\u00a0", name.casefold())


class NameColumn:
    """Names of each row as codes into a vocabulary (:func:`as_compared`).

    ``codes[starts[i] : starts[i + 1]]`` are the codes of row ``i``.
    """

    def __init__(self, chunks: Iterable[tuple[np.ndarray, "pa.Array[Any]"]]) -> None:
        """Build the column from chunks of ``(counts, names)``: names per row (int [rows]), and the names, flat."""
        self._code_of: dict[str, int] = {}
        counts, codes = [np.zeros(1, np.int64)], [np.empty(0, np.int32)]
        for n_names, names in chunks:
            counts.append(n_names)
            codes.append(self._encode(names))
        self._starts = np.cumsum(np.concatenate(counts))
        self._codes = np.concatenate(codes)

    def rows_with(self, names: Iterable[str]) -> np.ndarray:
        """The rows that have at least one of the names: bool [n_rows]."""
        known = [self._code_of[key] for name in names if (key := as_compared(name)) in self._code_of]
        wanted = np.zeros(len(self._code_of) + 1, dtype=bool)
        wanted[known] = True
        found = np.zeros(len(self._starts) - 1, dtype=bool)
        hits = np.flatnonzero(wanted[self._codes])
        found[np.searchsorted(self._starts, hits, side="right") - 1] = True
        return found

    def _encode(self, names: "pa.Array[Any]") -> np.ndarray:
        dictionary: Any = names.dictionary_encode()
        texts: list[str] = dictionary.dictionary.to_pylist()
        codes = [self._code_of.setdefault(as_compared(text), len(self._code_of)) for text in texts]
        indices = dictionary.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        return np.array(codes, dtype=np.int32)[indices] if codes else np.empty(0, np.int32)


class Columns:
    """The columns that filters read. Several threads may share it."""

    def __init__(self, parts: Sequence[Path], n_rows: int, remedy: str) -> None:
        self._parts = parts
        self._n_rows = n_rows
        self._remedy = remedy
        self._plain: dict[str, np.ndarray] = {}
        self._names: dict[str, NameColumn] = {}
        self._lock = Lock()

    def allowed(self, allowed: Filter) -> np.ndarray:
        """The rows that the filter allows, dead ones included: bool [n_rows].

        Raises
        ------
        ProductError
            A Parquet part is missing or damaged.
        """
        rows = np.ones(self._n_rows, dtype=bool)
        if allowed.year_from is not None or allowed.year_to is not None:
            year = self._column("year")
            rows &= year != _NO_YEAR
            rows &= year >= (allowed.year_from if allowed.year_from is not None else 0)
            rows &= year <= (allowed.year_to if allowed.year_to is not None else 9999)
        if allowed.has_abstract:
            rows &= self._column("has_abstract")
        if allowed.not_retracted:
            rows &= ~self._column("retracted")
        for column, names in (
            ("publication_types", allowed.publication_types),
            ("mesh", allowed.mesh),
            ("journal", allowed.journals),
            ("languages", allowed.languages),
            ("chemicals", allowed.chemicals),
            ("supplementary_concepts", allowed.supplementary_concepts),
            ("accessions", allowed.accessions),
        ):
            if names:
                rows &= self._name_column(column).rows_with(names)
        return rows

    def names(self, column: str) -> dict[str, int]:
        """How many rows, dead ones included, have each name of a column, as it is written.

        Raises
        ------
        ProductError
            A Parquet part is missing or damaged.
        """
        wanted = column if _KEYS.get(column) == () else f"{column}.list.element.name"
        counts = Counter[str]()
        for table in self._tables([wanted]):
            for chunk in table.column(column).chunks:
                values: Any = _names_of(chunk)[1]
                for pair in values.value_counts().to_pylist():
                    counts[pair["values"] or ""] += pair["counts"]
        return dict(counts)

    def newest_date(self) -> str:
        """The latest date of publication of any row, dead ones included, as far as it is told; "" where none is.

        Raises
        ------
        ProductError
            A Parquet part is missing or damaged.
        """
        import pyarrow.compute as pc

        return max((pc.max(table.column("date")).as_py() or "" for table in self._tables(["date"])), default="")

    def _column(self, name: str) -> np.ndarray:
        with self._lock:
            if name not in self._plain:
                kind = np.int16 if name == "year" else np.bool_
                pieces = [_plain_values(table.column(name), _NO_YEAR) for table in self._tables([name])]
                self._plain[name] = np.concatenate(pieces).astype(kind) if pieces else np.empty(0, kind)
            return self._plain[name]

    def _name_column(self, name: str) -> NameColumn:
        with self._lock:
            if name not in self._names:
                keys = _KEYS.get(name, ("name", "ui"))
                wanted = [f"{name}.list.element.{key}" for key in keys] or [name]
                chunks = (
                    piece
                    for table in self._tables(wanted)
                    for chunk in table.column(name).chunks
                    for piece in [_names_of(chunk)]
                )
                self._names[name] = NameColumn(chunks)
            return self._names[name]

    def _tables(self, columns: list[str]) -> Iterable["pa.Table"]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        for part in self._parts:
            path = part / PARQUET_FILE
            try:
                with pq.ParquetFile(path, page_checksum_verification=True) as file:
                    yield file.read(columns=columns)
            except (OSError, KeyError, ValueError, pa.ArrowException) as error:
                raise ProductError(f"{path} is missing or damaged ({one_line(str(error))}); {self._remedy}") from error


def _plain_values(column: Any, missing: int) -> np.ndarray:
    import pyarrow.compute as pc

    filled: Any = pc.fill_null(column, missing) if column.null_count else column
    values: np.ndarray = filled.to_numpy()
    return values


def _names_of(chunk: "pa.Array[Any]") -> tuple[np.ndarray, "pa.Array[Any]"]:
    """Number of names of each row, and all names: a list of structs gives all values of each."""
    import pyarrow as pa

    if not isinstance(chunk, pa.ListArray):
        return np.ones(len(chunk), dtype=np.int64), chunk
    counts = chunk.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
    values = chunk.flatten()
    if not isinstance(values, pa.StructArray):
        return counts, values
    # Name and UI of one heading side by side, so that they stay within their row.
    n_keys = values.type.num_fields
    together: Any = pa.concat_arrays([values.field(i) for i in range(n_keys)])
    order = np.arange(n_keys * len(values)).reshape(n_keys, -1).T.ravel()
    return n_keys * counts, together.take(pa.array(order))
