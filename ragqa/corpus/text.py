"""The texts of a document, as the other parts read them."""

from ragqa.types import Document, Section


def section_text(document: Document, name: str) -> str | None:
    """The text of the section called ``name``, or None where the document has no such section."""
    return next((section.text for section in document.sections if section.name == name), None)


def title_of(document: Document) -> str:
    """The title, or "" where the document has none."""
    return section_text(document, "title") or ""


def abstract_sections(document: Document) -> tuple[Section, ...]:
    """The parts of the abstract in order, without abstracts in other languages."""
    return tuple(s for s in document.sections if s.name == "abstract" or s.name.startswith("abstract."))


def abstract_of(document: Document) -> str:
    """The abstract as one text, parts joined by a space and without labels; "" where there is none."""
    return " ".join(section.text for section in abstract_sections(document))


def named_abstract_sections(parts: list[tuple[str, str, str]]) -> tuple[Section, ...]:
    """Sections from ``(text, label, category)`` parts, named as :class:`ragqa.types.Section` says.

    >>> [section.name for section in named_abstract_sections([("One.", "", ""), ("Two.", "", "")])]
    ['abstract.0', 'abstract.1']
    """
    if len(parts) == 1:
        text, label, category = parts[0]
        return (Section("abstract", text, label, category),)
    return tuple(Section(f"abstract.{i}", text, label, category) for i, (text, label, category) in enumerate(parts))


def one_line(text: str) -> str:
    r"""The text with each run of white space as one space, and none at its ends.

    >>> one_line(" a\n  b ")
    'a b'
    """
    # All white space but the space itself counts as not printable: most texts need no splitting.
    if text.isprintable() and "  " not in text and text[:1] != " " and text[-1:] != " ":
        return text
    return " ".join(text.split())
