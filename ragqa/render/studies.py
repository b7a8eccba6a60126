"""Studies as an evidence table for a spreadsheet: one row each, and an empty column for the reviewer's own notes."""

import csv
import io
from collections.abc import Iterable

from ragqa.render.table import cell
from ragqa.types import Answer, Source, Study

COLUMNS = (
    "number", "id", "title", "journal", "year", "design", "evidence", "participants", "population", "intervention",
    "comparator", "outcome", "direction", "quote", "retracted", "url", "notes",
)  # fmt: skip


def text(rows: Iterable[tuple[Source, Study]]) -> str:
    """The table as CSV with a byte order mark, as :func:`ragqa.render.table.text`; no cell has a line break in it."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for number, (source, study) in enumerate(rows, start=1):
        row = (
            str(number), source.document_id, source.title, source.journal, str(source.year or ""), study.design,
            source.evidence_level, "" if study.participants is None else str(study.participants), study.population,
            study.intervention, study.comparator, study.outcome, study.direction,
            study.quote.quote if study.quote else "", "yes" if source.retracted else "no", source.url, "",
        )  # fmt: skip
        writer.writerow([cell(value) for value in row])
    return "\ufeff" + out.getvalue()


def of_answer(answer: Answer) -> str:
    """The table over the articles of an answer."""
    known = {study.document_id: study for study in answer.studies}
    return text((source, known.get(source.document_id, Study(source.document_id))) for source in answer.sources)
