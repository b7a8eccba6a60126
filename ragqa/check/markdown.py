"""A checked text as Markdown, for assistants that call tools and for mail; all text of others is escaped."""

from collections.abc import Iterator

from ragqa.check.page import STATUS_NAMES, verdict_name
from ragqa.check.types import Checked, CheckedClaim, CheckedReference, Citation
from ragqa.render.counted import counted
from ragqa.render.escape import markdown
from ragqa.render.quoted import quoted
from ragqa.render.verdict import kind_of_article


def as_markdown(checked: Checked) -> str:
    """The claims in order, each with its verdict and citations, then the references."""
    return "\n".join(_lines(checked))


def _lines(checked: Checked) -> Iterator[str]:
    for number, claim in enumerate(checked.claims, start=1):
        yield from _claim(number, claim)
    if checked.references:
        yield "\n**References**\n"
    for reference in checked.references:
        yield from _reference(reference)
    not_checked = counted(checked.summary["not_checked"], "sentence was", "sentences were")
    yield f"\n{not_checked} not checked. “Nothing found” does not mean wrong."


def _claim(number: int, claim: CheckedClaim) -> Iterator[str]:
    yield f"{number}. **{verdict_name(claim)}**: {markdown(claim.text)}"
    for side, cited in (("for", claim.supporting), ("against", claim.contradicting)):
        for one in cited:
            yield f"   - {side}: {quoted([markdown(quote) for quote in one.quotes])} ({_source(one)})"
    for note in claim.notes:
        yield f"   - note: {markdown(note)}"


def _reference(reference: CheckedReference) -> Iterator[str]:
    article = f" ({markdown(reference.document_id)})" if reference.document_id else ""
    yield f"- **{STATUS_NAMES[reference.status]}**: {markdown(reference.text)}{article}"
    for problem in reference.problems:
        yield f"  - {markdown(problem)}"
    for number, told in reference.supports:
        yield f"  - claim {number + 1}, which cites it: {told}"


def _source(one: Citation) -> str:
    known = [f"PMID {one.document_id}" if one.document_id.isdecimal() else one.document_id]
    known += [str(part) for part in (one.year, kind_of_article(one.evidence_level)) if part]
    return ", ".join(markdown(part) for part in known)
