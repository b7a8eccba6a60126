"""A document: its texts, and what MEDLINE says of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """One piece of running text of a document; the unit that character offsets refer to.

    Attributes
    ----------
    name
        Unique within the document: ``title``, ``abstract`` (an abstract of one part), ``abstract.0``,
        ``abstract.1`` … (the parts of a structured abstract, in order), ``other_abstract.0`` … (abstracts
        in other languages or for lay readers: shown, never indexed nor cited).
    text
        The text with inline markup removed and entities decoded; what is raised or lowered is written in the
        signs that Unicode has for it (10⁴, H₂O), else behind ``^`` or ``_``.
    label
        The heading as the journal printed it, for example ``RESULTS``; empty where there is none.
    category
        The NLM category (``BACKGROUND``, ``OBJECTIVE``, ``METHODS``, ``RESULTS``, ``CONCLUSIONS`` …), or "".
    """

    name: str
    text: str
    label: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class PublicationType:
    """A publication type of MEDLINE, for example ``Randomized Controlled Trial`` (``D016449``)."""

    name: str
    ui: str = ""


@dataclass(frozen=True, slots=True)
class MeshHeading:
    """A MeSH descriptor of a document with its qualifiers; ``major`` if it, or a qualifier, is a major topic."""

    name: str
    ui: str = ""
    major: bool = False
    qualifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chemical:
    """A substance that a document is about (MEDLINE ChemicalList).

    ``registry_number`` is a CAS number, a UNII or an EC number; "" where MEDLINE gives none.
    """

    name: str
    ui: str = ""
    registry_number: str = ""


@dataclass(frozen=True, slots=True)
class SupplementaryConcept:
    """A concept beyond the MeSH headings (MEDLINE SupplMeshList); ``kind`` is Disease, Protocol, Organism …"""

    name: str
    ui: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Accession:
    """A number in a data bank: ``ClinicalTrials.gov`` ``NCT00000620``, ``GENBANK`` ``M24126`` …"""

    bank: str
    number: str


@dataclass(frozen=True, slots=True)
class Grant:
    """Who paid: the number of the grant, the acronym of the institute, the agency and its country."""

    number: str = ""
    acronym: str = ""
    agency: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A tie to another article (MEDLINE CommentsCorrections).

    ``kind`` is MEDLINE's RefType: ``RetractionIn``, ``RetractionOf``, ``ExpressionOfConcernIn``,
    ``ErratumIn``, ``UpdateIn`` …; ``document_id`` is "" where MEDLINE gives only a citation text.
    """

    kind: str
    document_id: str = ""
    citation: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """One article or book chapter.

    Attributes
    ----------
    id
        The PMID, or the identifier that the source collection uses.
    version
        MEDLINE's version of the record; the highest one of an id wins, and of equal ones the later source.
    sections
        The texts, the title (where there is one) first.
    title_translated
        True where MEDLINE gives a translation of a title in another language.
    year
        Year of publication, or None where the source does not tell.
    date
        The date as far as known, ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``; "" where unknown.
    affiliations
        Those of each author, in the order of ``authors``; empty where no author has any.
    revised
        When MEDLINE last revised the record, as ``date``.
    languages
        Three-letter codes as MEDLINE writes them (``eng``).
    retracted
        True for a retracted publication (publication type D016441, a ``RetractionIn`` link, or a notice with a
        ``RetractionOf`` link to it).
    source
        Name of the file that the record was read from.
    """

    id: str
    sections: tuple[Section, ...] = ()
    version: int = 1
    title_translated: bool = False
    journal: str = ""
    year: int | None = None
    date: str = ""
    authors: tuple[str, ...] = ()
    publication_types: tuple[PublicationType, ...] = ()
    mesh: tuple[MeshHeading, ...] = ()
    keywords: tuple[str, ...] = ()
    doi: str = ""
    pmcid: str = ""
    languages: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    retracted: bool = False
    source: str = ""
    volume: str = ""
    issue: str = ""
    pages: str = ""
    revised: str = ""
    affiliations: tuple[tuple[str, ...], ...] = ()
    chemicals: tuple[Chemical, ...] = ()
    supplementary_concepts: tuple[SupplementaryConcept, ...] = ()
    accessions: tuple[Accession, ...] = ()
    grants: tuple[Grant, ...] = ()
