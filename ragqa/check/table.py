"""A checked text as CSV: a row a claim, then a row a reference."""

import csv
import io

from ragqa.check.types import Checked, Citation
from ragqa.render.quoted import quoted

COLUMNS = ("kind", "text", "result", "probability", "supporting", "contradicting", "notes")


def as_csv(checked: Checked) -> bytes:
    """The table, in UTF-8 with a mark that spreadsheets know it by; no cell begins a formula."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for claim in checked.claims:
        sides = (_cited(claim.supporting), _cited(claim.contradicting))
        row = ["claim", claim.text, claim.verdict, f"{claim.probability:.2f}", *sides, " | ".join(claim.notes)]
        writer.writerow([_harmless(cell) for cell in row])
    for reference in checked.references:
        said = {side: [checked.claims[n].text for n, told in reference.supports if told == side] for side in _SIDES}
        told = [" | ".join(said[side]) for side in _SIDES]
        row = ["reference", reference.text, reference.status, "", *told, " | ".join(reference.problems)]
        writer.writerow([_harmless(cell) for cell in row])
    return "\ufeff".encode() + file.getvalue().encode()


_SIDES = ("supports", "contradicts")


def _cited(citations: tuple[Citation, ...]) -> str:
    return " | ".join(f"{one.document_id}: {quoted(one.quotes)}" for one in citations)


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
