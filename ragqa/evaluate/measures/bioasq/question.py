"""BioASQ's questions, gold and submitted, as the measures and the files of Task b know them."""

import re
from dataclasses import dataclass

from ragqa.types import QuestionType

ExactAnswer = str | tuple[tuple[str, ...], ...]
URL = "http://www.ncbi.nlm.nih.gov/pubmed/"
MAX_DOCUMENTS = 10
MAX_SNIPPETS = 10
MAX_FACTOIDS = 5
MAX_IDEAL_WORDS = 200


@dataclass(frozen=True, slots=True)
class BioasqSnippet:
    """A snippet as BioASQ writes it; ``document`` is the URL as it stands in the file.

    ``begin`` and ``end`` are offsetInBeginSection and offsetInEndSection; in the gold files ``end`` is begin
    plus the length of the text, while the official measures take end − begin + 1 for the length.
    """

    document: str
    begin_section: str
    end_section: str
    begin: int
    end: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class BioasqQuestion:
    """A question of a gold standard or of a submission.

    Attributes
    ----------
    exact_answer
        yes/no: a word. factoid and list: entries, each a tuple of synonyms. None where there is none.
    ideal_answers
        The gold answers; a submission has at most one.
    """

    id: str
    type: QuestionType | None = None
    body: str = ""
    documents: tuple[str, ...] = ()
    snippets: tuple[BioasqSnippet, ...] = ()
    exact_answer: ExactAnswer | None = None
    ideal_answers: tuple[str, ...] = ()


def pmid_url(document: str) -> str:
    """The one form of address that the official program compares.

    >>> pmid_url("https://pubmed.ncbi.nlm.nih.gov/123/")
    'http://www.ncbi.nlm.nih.gov/pubmed/123'
    >>> pmid_url("123") == pmid_url("https://www.ncbi.nlm.nih.gov/pubmed/123")
    True
    """
    pmid = document_id(document)
    return URL + pmid if pmid.isdigit() else document.strip()


def document_id(url: str) -> str:
    """The PMID in an address of PubMed, or the text itself where it is none.

    >>> document_id("http://www.ncbi.nlm.nih.gov/pubmed/123")
    '123'
    """
    text = url.strip()
    match = re.fullmatch(
        r"(?:https?://)?(?:www\.)?(?:ncbi\.nlm\.nih\.gov/pubmed|pubmed\.ncbi\.nlm\.nih\.gov)/(\d+)/?", text
    )
    return match[1] if match else text
