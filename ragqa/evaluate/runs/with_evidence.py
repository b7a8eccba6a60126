"""A label with what it rests on: from the whole documents, from the evidence alone, and from all but the evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ragqa.evaluate.runs.labelling import Labeller
from ragqa.evaluate.tasks.evidence import NEITHER
from ragqa.evaluate.tasks.outcomes import DocumentLabel, LabelOutcome
from ragqa.types import Document, Labelling, Proposition, Section, Span


def labelled(labeller: Labeller, proposition: Proposition, documents: Sequence[Document]) -> LabelOutcome:
    """The label of a proposition, and what becomes of it when only its evidence, or all but its evidence, is given."""
    whole = labeller.label(proposition, documents)
    if not whole.probabilities:
        return LabelOutcome(evidence=list(whole.evidence))
    label = likeliest(whole)
    chosen = [found.span for found in whole.evidence if found.chosen]
    line = LabelOutcome(label, _rounded(whole.probabilities), list(whole.evidence))
    if not chosen:
        return line
    only = labeller.label(proposition, [_only(document, chosen) for document in documents])
    rest = labeller.label(proposition, [_without(document, chosen) for document in documents])
    return replace(line, only_evidence=_rounded(only.probabilities), without_evidence=_rounded(rest.probabilities))


def labelled_each(labeller: Labeller, proposition: Proposition, documents: Sequence[Document]) -> LabelOutcome:
    """The label of a claim by retrieved documents, each read for itself; without documents, that of none."""
    found = {document.id: labeller.label(proposition, [document]) for document in documents}
    read = {document_id: one for document_id, one in found.items() if one.probabilities}
    if not read:
        return labelled(labeller, proposition, ())
    # What speaks least for "neither" decides: one abstract that deals with the claim outweighs many that do not.
    decisive = min(read.values(), key=lambda one: one.probabilities.get(NEITHER, 0.0))
    return LabelOutcome(
        label=likeliest(decisive),
        probabilities=_rounded(decisive.probabilities),
        evidence=list(decisive.evidence),
        by_document={
            document_id: DocumentLabel(likeliest(one), [span.span for span in one.evidence if span.chosen])
            for document_id, one in read.items()
        },
    )


def likeliest(labelling: Labelling) -> str:
    """The label with the highest probability, the first of equals."""
    return max(labelling.probabilities, key=labelling.probabilities.__getitem__)


def _only(document: Document, spans: Sequence[Span]) -> Document:
    """The document with nothing but the spans, each section's in their order."""
    sections = [
        replace(section, text=" ".join(section.text[begin:end] for begin, end in _of(document, section, spans)))
        for section in document.sections
    ]
    return replace(document, sections=tuple(section for section in sections if section.text))


def _without(document: Document, spans: Sequence[Span]) -> Document:
    """The document with the spans cut out."""
    sections = []
    for section in document.sections:
        text, last = "", 0
        for begin, end in _of(document, section, spans):
            text, last = text + section.text[last:begin], max(last, end)
        sections.append(replace(section, text=text + section.text[last:]))
    return replace(document, sections=tuple(section for section in sections if section.text.strip()))


def _of(document: Document, section: Section, spans: Sequence[Span]) -> list[tuple[int, int]]:
    return sorted(
        {(span.begin, span.end) for span in spans if (span.document_id, span.section) == (document.id, section.name)}
    )


def _rounded(probabilities: Mapping[str, float]) -> dict[str, float]:
    return {label: round(value, 5) for label, value in probabilities.items()}
