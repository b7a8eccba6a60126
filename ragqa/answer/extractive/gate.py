"""Whether there is enough evidence to answer at all: the same for every reader."""

from ragqa.answer.extractive.evidence import Evidence
from ragqa.answer.question import AskedFor


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
    if not documents:
        return "No article was found for this question."
    if not asked.stems:
        return "The question has no word that says what it is about."
    if evidence.relevance >= least and evidence.weight.any():
        return ""
    if evidence.relevance >= least:
        return "The articles found that deal with the question have no abstract that could be cited."
    if any(document.relevance >= least and not document.usable for document in documents):
        return "The only articles found that deal with the question have been retracted."
    return (
        f"None of the {len(documents)} articles found deals with the question closely enough "
        f"(best fit {evidence.relevance:.2f}; {least:.2f} is needed)."
    )
