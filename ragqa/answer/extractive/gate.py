"""Whether there is enough evidence to answer at all: the same for every reader."""

import datetime
import re

from ragqa.answer.dialogue.understand import asking_back, understand
from ragqa.answer.extractive.evidence import Evidence
from ragqa.answer.question import AskedFor

_YEAR = re.compile(
    r"\b(?:in|by|of|the|since|until|for|from|year|after|before)\s+(20\d\d)\b(?!\s*(?:[.,]\d|%|k?cal|k?J|[mµnk]?g|m?l|IU)\b)",
    re.IGNORECASE,
)


def objection(asked: AskedFor, evidence: Evidence, least: float) -> str:
    """Why the question should not be answered from these documents, as a sentence; "" where it can be.

    Parameters
    ----------
    asked
        The question.
    evidence
        The documents, read.
    least
        Relevance, 0 to 1, that the best document needs.
    """
    documents = evidence.documents
    if unfit := _unfit(asked, evidence):
        return unfit
    fitting = [document for document in documents if document.relevance >= least]
    if any(document.usable for document in fitting):
        return "" if evidence.weight.any() else _uncitable(evidence, least)
    if fitting:
        return "The only articles found that deal with the question have been retracted."
    return (
        f"None of the {len(documents)} articles found deals with the question closely enough "
        f"(best fit {evidence.relevance:.2f}; {least:.2f} is needed)."
    )


def _uncitable(evidence: Evidence, least: float) -> str:
    """Why no sentence of the documents that deal with the question may be cited."""
    read = {passage.document for passage in evidence.passages if passage.part != "title"}
    if any(evidence.documents[place].usable and evidence.documents[place].relevance >= least for place in read):
        return "The articles found that deal with the question tell what was studied and how, but not what came out."
    return "The articles found that deal with the question have no abstract."


def _unfit(asked: AskedFor, evidence: Evidence) -> str:
    """Why the question cannot be asked of these documents at all; "" where it can."""
    if not evidence.documents:
        return "No article was found for this question."
    if not asked.stems:
        return "The question has no word that says what it is about."
    if not (alone := understand(asked.text, ())).question:
        return asking_back(asked.text, alone, ())
    if year := _to_come(asked.text, evidence):
        return f"The question names the year {year}, which is to come, and no article found mentions it."
    return ""


def _to_come(text: str, evidence: Evidence) -> str:
    """A year to come that the text names and no document does; "" where there is none."""
    this_year = datetime.datetime.now(tz=datetime.UTC).year
    to_come = [year for year in _YEAR.findall(text) if int(year) > this_year]
    return next((year for year in to_come if not any(year in passage.text for passage in evidence.passages)), "")
