"""Reading tables (CSV, TSV) with errors that name the file and the line."""

import csv
from collections.abc import Collection, Iterator
from pathlib import Path

from ragqa.errors import SourceError
from ragqa.evaluate.tasks.formats.read import whole_lines


def read_table(path: Path, columns: Collection[str], delimiter: str = ",") -> Iterator[tuple[int, dict[str, str]]]:
    """Each row with the number of the line that it ends on.

    Parameters
    ----------
    path
        A table in UTF-8 with a head line; any line ends.
    columns
        Columns that must be there; others are kept.
    delimiter
        What stands between two values.

    Raises
    ------
    SourceError
        It is no such table, lacks a column, or ends within a row.
    """
    # The csv module must see the text's own line ends: they may stand within a quoted value.
    reader = csv.reader((line for _, line in whole_lines(path)), delimiter=delimiter, strict=True)
    try:
        head = [name.strip() for name in next(row for row in reader if any(value.strip() for value in row))]
    except csv.Error as error:
        raise SourceError(f"{path}, line 1: {error}; give the file as its makers publish it") from error
    lacking = [name for name in columns if name not in head]
    if lacking:
        raise SourceError(
            f"{path}, line {reader.line_num}: the column {lacking[0]!r} is missing; it has {', '.join(head)[:200]!r}. "
            "Give the file as its makers publish it"
        )
    try:
        for row in reader:
            if not any(value.strip() for value in row):
                continue
            if len(row) != len(head):
                raise SourceError(
                    f"{path}, line {reader.line_num}: {len(row)} values where the head has {len(head)} columns; "
                    "the file is cut off or was saved with other separators, fetch it again"
                )
            yield reader.line_num, dict(zip(head, row, strict=True))
    except csv.Error as error:
        raise SourceError(
            f"{path}, line {reader.line_num}: {error}; the file is cut off or damaged, fetch it again"
        ) from error
