"""Articles as a generator reads them: numbered, described, and fenced, because what others wrote is data."""

from collections.abc import Sequence
from dataclasses import dataclass

from ragqa.answer.passages import Passage
from ragqa.corpus.evidence import evidence_level
from ragqa.corpus.text import title_of
from ragqa.llm.fence import fenced
from ragqa.llm.prompt import Prompts
from ragqa.types import Document

_MOST_TYPES = 3


@dataclass(frozen=True, slots=True)
class NumberedSource:
    """A document with the number that statements cite it by (from 1), and those of its sentences that are shown."""

    number: int
    document: Document
    passages: tuple[Passage, ...]


def render(sources: Sequence[NumberedSource], prompts: Prompts) -> str:
    """The sources in the order of their numbers, which is that of their relevance: equal hits, equal text."""
    return "\n".join(_render(source, prompts) for source in sources)


def _render(source: NumberedSource, prompts: Prompts) -> str:
    document = source.document
    types = [publication_type.name for publication_type in document.publication_types][:_MOST_TYPES]
    return prompts.fill(
        "source",
        number=str(source.number),
        title=fenced(title_of(document)) or "(none)",
        year=str(document.year or "unknown"),
        publication_types=fenced(", ".join(types)) or "unknown",
        evidence_level=evidence_level(document),
        text=_text(source.passages),
    )


def _text(passages: Sequence[Passage]) -> str:
    """The sentences section by section, each section's label before it; a gap shows where one was cut."""
    lines: list[str] = []
    section = ""
    for passage in passages:
        if passage.section.name != section:
            section = passage.section.name
            label = fenced(passage.section.label)
            lines.append(f"{label}: {fenced(passage.text)}" if label else fenced(passage.text))
        else:
            lines[-1] += " " + fenced(passage.text)
    return "\n".join(lines)
