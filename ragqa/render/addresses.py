"""Where an article can be read: its addresses by PMID, PMC number and DOI, and its pages."""

import re
from urllib.parse import quote

from ragqa.types import Document

_PMC = re.compile(r"PMC\d{1,12}(?:\.\d+)?")


def of_document(document: Document) -> str:
    """The best address of an article: PubMed, else its DOI, else PMC; "" where it has none."""
    return pubmed(document.id) or of_doi(document.doi) or of_pmc(document.pmcid)


def pubmed(document_id: str) -> str:
    """The page in PubMed of an id that is a PMID, else "".

    >>> pubmed("21881325")
    'https://pubmed.ncbi.nlm.nih.gov/21881325/'
    """
    known = document_id.isascii() and document_id.isdecimal()
    return f"https://pubmed.ncbi.nlm.nih.gov/{document_id}/" if known else ""


def of_doi(doi: str) -> str:
    """The address of a DOI, all signs of it that mean something in an address escaped; "" of what is none.

    >>> of_doi("10.1002/(SICI)1<1::AID>3")
    'https://doi.org/10.1002/%28SICI%291%3C1%3A%3AAID%3E3'
    """
    return f"https://doi.org/{quote(doi)}" if doi.startswith("10.") else ""


def of_pmc(pmcid: str) -> str:
    """The page of an article in PMC, else ""."""
    return f"https://pmc.ncbi.nlm.nih.gov/articles/{pmcid}/" if _PMC.fullmatch(pmcid) else ""


def page_range(pages: str) -> tuple[str, str]:
    """First and last page; MEDLINE writes the last one short, and other pages ("; discussion 124-5") behind.

    >>> page_range("1021-9"), page_range("S9-12"), page_range("123; discussion 124-5")
    (('1021', '1029'), ('S9', 'S12'), ('123', ''))
    >>> page_range("e17")
    ('e17', '')
    """
    begin, _, end = (part.strip() for part in re.split(r"[;,]", pages)[0].partition("-"))
    first = re.fullmatch(r"(?P<letters>[A-Za-z]*)(?P<digits>\d+)", begin)
    if first and end.isdecimal():
        end = f"{first['letters']}{first['digits'][: -len(end)]}{end}"
    return begin, end
