"""One record of PubMed XML as a document: articles (``PubmedArticle``) and books (``PubmedBookArticle``).

Element names follow NLM's DTD. Inline markup becomes text (:mod:`ragqa.corpus.pubmed_text`). Only what a record says
of itself is read: the lists of its references are left aside.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from ragqa.corpus.pubmed_date import UNKNOWN, date_of_parts, date_of_text
from ragqa.corpus.pubmed_text import plain_text_of, text_of
from ragqa.corpus.records import Skipped
from ragqa.corpus.text import named_abstract_sections, one_line
from ragqa.types import (
    Accession,
    Chemical,
    Document,
    Grant,
    Link,
    MeshHeading,
    PublicationType,
    Section,
    SupplementaryConcept,
)

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

RETRACTED_UI = "D016441"
"""The publication type ``Retracted Publication``."""

_UNTITLED = {"not available", "in process citation"}


def article(element: "Element", source: str) -> Document | Skipped:
    """A ``PubmedArticle``, or a bare ``MedlineCitation`` as files before 2016 have it."""
    parts = _first_children(element)
    citation = parts.get("MedlineCitation", element)
    return _record(citation, parts.get("PubmedData"), source)


def book(element: "Element", source: str) -> Document | Skipped:
    """A ``PubmedBookArticle``: a chapter, or a whole book; the title of the book stands for the journal."""
    parts = _first_children(element)
    document = parts.get("BookDocument")
    if document is None:
        return Skipped("no BookDocument")
    return _book(document, source)


def pmid_of(element: "Element | None") -> str:
    """The number in a ``PMID`` element without leading zeros; "" where there is none."""
    text = plain_text_of(element)
    return text.lstrip("0") if text.isascii() and text.isdecimal() else ""


def _record(citation: "Element", data: "Element | None", source: str) -> Document | Skipped:
    fields = _first_children(citation)
    document_id = pmid_of(fields.get("PMID"))
    if not document_id:
        return Skipped("no PMID")
    article_parts = _group(fields.get("Article"))
    journal = _first_children(_one(article_parts, "Journal"))
    languages = tuple(filter(None, map(plain_text_of, article_parts.get("Language", ()))))
    title, translated = _title(_one(article_parts, "ArticleTitle"), _one(article_parts, "VernacularTitle"), languages)
    authors = list(_authors(_one(article_parts, "AuthorList")))
    issue = _first_children(journal.get("JournalIssue"))
    year, date = _article_date(journal.get("JournalIssue"), _one(article_parts, "ArticleDate"))
    types = tuple(_publication_types(_one(article_parts, "PublicationTypeList")))
    links = tuple(_links(fields.get("CommentsCorrectionsList")))
    identifiers = _article_ids(_first_children(data).get("ArticleIdList"))
    return Document(
        id=document_id,
        sections=(*title, *_abstract(_one(article_parts, "Abstract")), *_other_abstracts(citation)),
        version=_version(fields["PMID"]),
        title_translated=translated,
        journal=text_of(journal.get("Title")) or _journal_abbreviation(fields.get("MedlineJournalInfo")),
        year=year,
        date=date,
        authors=tuple(name for name, _ in authors),
        publication_types=types,
        mesh=tuple(_mesh(fields.get("MeshHeadingList"))),
        keywords=tuple(_keywords(citation)),
        doi=identifiers.get("doi") or _electronic_doi(article_parts.get("ELocationID", ())),
        pmcid=identifiers.get("pmc", ""),
        languages=languages,
        links=links,
        retracted=_retracted(types, links),
        source=source,
        volume=plain_text_of(issue.get("Volume")),
        issue=plain_text_of(issue.get("Issue")),
        pages=_pages(_one(article_parts, "Pagination")),
        revised=_date(fields.get("DateRevised"))[1],
        affiliations=_affiliations(authors),
        chemicals=tuple(_chemicals(fields.get("ChemicalList"))),
        supplementary_concepts=tuple(_supplementary_concepts(fields.get("SupplMeshList"))),
        accessions=tuple(_accessions(_one(article_parts, "DataBankList"))),
        grants=tuple(_grants(_one(article_parts, "GrantList"))),
    )


def _book(element: "Element", source: str) -> Document | Skipped:
    parts = _group(element)
    document_id = pmid_of(_one(parts, "PMID"))
    if not document_id:
        return Skipped("no PMID")
    volume = _group(_one(parts, "Book"))
    languages = tuple(filter(None, map(plain_text_of, parts.get("Language", ()))))
    title, translated = _title(_one(parts, "ArticleTitle"), _one(parts, "VernacularTitle"), languages)
    book_title = text_of(_one(volume, "BookTitle"))
    if not title and book_title:
        title = (Section("title", book_title),)
    dates = (_one(parts, "ContributionDate"), _one(volume, "PubDate"), _one(volume, "BeginningDate"))
    year, date = next((found for found in map(_date, dates) if found[0] is not None), UNKNOWN)
    types = tuple(_type(child) for child in parts.get("PublicationType", ()))
    identifiers = _article_ids(_one(parts, "ArticleIdList"))
    lists = parts.get("AuthorList") or volume.get("AuthorList", [])
    authors = [author for found in lists if found.get("Type") != "editors" for author in _authors(found)]
    return Document(
        id=document_id,
        sections=(*title, *_abstract(_one(parts, "Abstract")), *_other_abstracts(element)),
        version=_version(parts["PMID"][0]),
        title_translated=translated,
        journal=book_title,
        year=year,
        date=date,
        authors=tuple(name for name, _ in authors),
        publication_types=types,
        keywords=tuple(_keywords(element)),
        doi=identifiers.get("doi", ""),
        pmcid=identifiers.get("pmc", ""),
        languages=languages,
        retracted=_retracted(types, ()),
        source=source,
        pages=_pages(_one(parts, "Pagination")),
        revised=_date(_one(parts, "DateRevised"))[1],
        affiliations=_affiliations(authors),
        grants=tuple(_grants(_one(parts, "GrantList"))),
    )


def _title(
    element: "Element | None", vernacular: "Element | None", languages: tuple[str, ...]
) -> tuple[tuple[Section, ...], bool]:
    """The title section, and whether it is a translation, which MEDLINE puts in brackets."""
    text = text_of(element)
    inner = _in_brackets(text)
    # An article in English may have a bracketed title of its own.
    translated = bool(inner) and languages != ("eng",)
    if translated:
        text = inner
    if not text or text.rstrip(".").lower() in _UNTITLED:
        text, translated = text_of(vernacular), False
    return ((Section("title", text),) if text else ()), translated


def _in_brackets(text: str) -> str:
    """The text without the brackets around all of it, a final full stop kept; "" where it has none.

    >>> _in_brackets("[Camomile. III].")
    'Camomile. III.'
    >>> _in_brackets("[A] and [B]")
    ''
    """
    body = text.rstrip(" .")
    if not (body.startswith("[") and body.endswith("]")):
        return ""
    depth = 0
    for position, sign in enumerate(body):
        depth += (sign == "[") - (sign == "]")
        if depth == 0 and position < len(body) - 1:
            return ""
    inner = body[1:-1].strip()
    return inner + "." if inner and text.endswith(".") and inner[-1] not in ".?!" else inner


def _abstract(element: "Element | None") -> tuple[Section, ...]:
    parts = [
        (text, child.get("Label", ""), child.get("NlmCategory", ""))
        for child in _children(element, "AbstractText")
        if (text := text_of(child))
    ]
    return named_abstract_sections(parts) if parts else ()


def _other_abstracts(element: "Element") -> Iterator[Section]:
    number = 0
    for abstract in element.iterchildren("OtherAbstract"):
        kind = " ".join(filter(None, (abstract.get("Type", ""), abstract.get("Language", ""))))
        for child in abstract.iterchildren("AbstractText"):
            if text := text_of(child):
                label = ": ".join(filter(None, (kind, child.get("Label", ""))))
                yield Section(f"other_abstract.{number}", text, label, child.get("NlmCategory", ""))
                number += 1


def _article_date(issue: "Element | None", article_date: "Element | None") -> tuple[int | None, str]:
    published = _date(_first_children(issue).get("PubDate"))
    return published if published[0] is not None else _date(article_date)


def _date(element: "Element | None") -> tuple[int | None, str]:
    if element is None:
        return UNKNOWN
    fields = {child.tag: child.text or "" for child in element}
    if "Year" in fields:
        return date_of_parts(fields["Year"], fields.get("Month", ""), fields.get("Day", ""))
    return date_of_text(fields.get("MedlineDate", ""))


def _authors(element: "Element | None") -> Iterator[tuple[str, tuple[str, ...]]]:
    """``Forename Surname Suffix``, or the name of a group, with its affiliations; superseded spellings are left out."""
    for author in _children(element, "Author"):
        if author.get("ValidYN") == "N":
            continue
        fields = {child.tag: child.text for child in author}
        given = fields.get("ForeName") or fields.get("Initials")
        name = one_line(" ".join(filter(None, (given, fields.get("LastName"), fields.get("Suffix")))))
        if name or (name := text_of(author.find("CollectiveName"))):
            # Files before 2015 have the affiliation without AffiliationInfo around it.
            yield name, tuple(filter(None, map(text_of, author.iter("Affiliation")))) if len(author) > 1 else ()


def _affiliations(authors: "list[tuple[str, tuple[str, ...]]]") -> tuple[tuple[str, ...], ...]:
    return tuple(places for _, places in authors) if any(places for _, places in authors) else ()


def _pages(element: "Element | None") -> str:
    parts = _first_children(element)
    return plain_text_of(parts.get("MedlinePgn")) or "-".join(
        filter(None, (plain_text_of(parts.get("StartPage")), plain_text_of(parts.get("EndPage"))))
    )


def _publication_types(element: "Element | None") -> Iterator[PublicationType]:
    return (_type(child) for child in _children(element, "PublicationType"))


def _type(element: "Element") -> PublicationType:
    return PublicationType(plain_text_of(element), element.get("UI", ""))


def _mesh(element: "Element | None") -> Iterator[MeshHeading]:
    # One walk over the names in the order of the document: a descriptor, then its qualifiers.
    names = () if element is None else element.iter("DescriptorName", "QualifierName")
    heading: list[Element] = []
    for part in names:
        if part.tag == "DescriptorName" and heading:
            yield from _heading_of(heading)
            heading = []
        heading.append(part)
    if heading:
        yield from _heading_of(heading)


def _heading_of(parts: "list[Element]") -> "Iterator[MeshHeading]":
    descriptor, *qualifiers = parts
    if descriptor.tag == "DescriptorName" and descriptor.text:
        major = any(part.get("MajorTopicYN") == "Y" for part in parts)
        names = tuple(part.text or "" for part in qualifiers)
        yield _heading(descriptor.text, descriptor.get("UI", ""), major, names)


@lru_cache(maxsize=1 << 16)
def _heading(name: str, ui: str, major: bool, qualifiers: tuple[str, ...]) -> MeshHeading:
    # The same headings come again and again: "Humans" is in most records.
    return MeshHeading(one_line(name), ui, major, tuple(map(one_line, qualifiers)))


def _chemicals(element: "Element | None") -> Iterator[Chemical]:
    for child in _children(element, "Chemical"):
        parts = _first_children(child)
        name = parts.get("NameOfSubstance")
        number = plain_text_of(parts.get("RegistryNumber"))
        if name is not None and name.text:
            yield _chemical(name.text, name.get("UI", ""), "" if number == "0" else number)


@lru_cache(maxsize=1 << 16)
def _chemical(name: str, ui: str, registry_number: str) -> Chemical:
    return Chemical(one_line(name), ui, registry_number)


def _supplementary_concepts(element: "Element | None") -> Iterator[SupplementaryConcept]:
    for child in _children(element, "SupplMeshName"):
        if name := plain_text_of(child):
            yield SupplementaryConcept(name, child.get("UI", ""), child.get("Type", ""))


def _accessions(element: "Element | None") -> Iterator[Accession]:
    for child in _children(element, "DataBank"):
        bank = plain_text_of(child.find("DataBankName"))
        yield from (Accession(bank, number) for number in map(plain_text_of, child.iter("AccessionNumber")) if number)


def _grants(element: "Element | None") -> Iterator[Grant]:
    for child in _children(element, "Grant"):
        parts = _first_children(child)
        yield Grant(*(plain_text_of(parts.get(tag)) for tag in ("GrantID", "Acronym", "Agency", "Country")))


def _keywords(element: "Element") -> Iterator[str]:
    for keywords in element.iterchildren("KeywordList"):
        yield from filter(None, map(text_of, keywords.iterchildren("Keyword")))


def _links(element: "Element | None") -> Iterator[Link]:
    for child in _children(element, "CommentsCorrections"):
        if child.get("RefType") == "Cites":
            continue  # Older files have their references here.
        fields = _first_children(child)
        yield Link(child.get("RefType", ""), pmid_of(fields.get("PMID")), plain_text_of(fields.get("RefSource")))


def _article_ids(element: "Element | None") -> dict[str, str]:
    return {child.get("IdType", ""): plain_text_of(child) for child in _children(element, "ArticleId")}


def _electronic_doi(elements: Iterable["Element"]) -> str:
    valid = (child for child in elements if child.get("EIdType") == "doi" and child.get("ValidYN") != "N")
    return next(map(text_of, valid), "")


def _journal_abbreviation(element: "Element | None") -> str:
    return text_of(_first_children(element).get("MedlineTA"))


def _retracted(types: Iterable[PublicationType], links: Iterable[Link]) -> bool:
    by_type = any(kind.ui == RETRACTED_UI or kind.name == "Retracted Publication" for kind in types)
    return by_type or any(link.kind == "RetractionIn" for link in links)


def _version(pmid: "Element") -> int:
    text = pmid.get("Version", "")
    return int(text) if text.isascii() and text.isdecimal() and 0 < len(text) < 7 else 1


def _children(element: "Element | None", tag: str) -> Iterable["Element"]:
    return () if element is None else element.iterchildren(tag)


def _first_children(element: "Element | None") -> dict[str, "Element"]:
    """The first child of each tag."""
    found: dict[str, Element] = {}
    if element is not None:
        for child in element:
            found.setdefault(child.tag, child)
    return found


def _group(element: "Element | None") -> dict[str, list["Element"]]:
    """The children by tag."""
    found: dict[str, list[Element]] = {}
    if element is not None:
        for child in element:
            found.setdefault(child.tag, []).append(child)
    return found


def _one(groups: dict[str, list["Element"]], tag: str) -> "Element | None":
    return groups[tag][0] if tag in groups else None
