"""The evidence of an answer as a table for a spreadsheet: one row for each quote, or for each article without one."""

import csv
import io
from collections.abc import Iterator

from ragqa.render.table import cell
from ragqa.types import Answer, Source

COLUMNS = (
    "number", "id", "title", "journal", "year", "type", "evidence", "retracted", "support", "quote", "url",
)  # fmt: skip


def text(answer: Answer) -> str:
    """The table as CSV with a byte order mark, as :func:`ragqa.render.table.text`."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for number, source in enumerate(answer.sources, start=1):
        for support, quote in list(_quotes(answer, source)) or [("", "")]:
            row = (
                str(number), source.document_id, source.title, source.journal, str(source.year or ""),
                "; ".join(source.publication_types), source.evidence_level, "yes" if source.retracted else "no",
                support, quote, source.url,
            )  # fmt: skip
            writer.writerow([cell(value) for value in row])
    return "\ufeff" + out.getvalue()


def _quotes(answer: Answer, source: Source) -> Iterator[tuple[str, str]]:
    for statement in answer.statements:
        for span in statement.spans:
            if span.document_id == source.document_id:
                yield f"{statement.support:.3f}", span.quote
