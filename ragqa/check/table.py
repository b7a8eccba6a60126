"""A checked text as CSV: a row a claim, then a row a reference."""

import csv
import io

from ragqa.check.types import Checked, Citation
from ragqa.render.quoted import quoted
from ragqa.render.table import cell

COLUMNS = ("kind", "text", "result", "probability", "supporting", "contradicting", "notes")
_SIDES = ("supports", "contradicts")


def as_csv(checked: Checked) -> bytes:
    """The table in UTF-8, with a byte order mark and cells as :func:`ragqa.render.table.text` has them."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for claim in checked.claims:
        sides = (_cited(claim.supporting), _cited(claim.contradicting))
        row = ["claim", claim.text, claim.verdict, f"{claim.probability:.2f}", *sides, " | ".join(claim.notes)]
        writer.writerow([cell(value) for value in row])
    for reference in checked.references:
        said = {side: [checked.claims[n].text for n, told in reference.supports if told == side] for side in _SIDES}
        told = [" | ".join(said[side]) for side in _SIDES]
        row = ["reference", reference.text, reference.status, "", *told, " | ".join(reference.problems)]
        writer.writerow([cell(value) for value in row])
    return "\ufeff".encode() + file.getvalue().encode()


def _cited(citations: tuple[Citation, ...]) -> str:
    return " | ".join(f"{one.document_id}: {quoted(one.quotes)}" for one in citations)
