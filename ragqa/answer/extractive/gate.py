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
    fitting = [document for document in documents if document.relevance >= least]
    if any(document.usable for document in fitting):
        if evidence.weight.any():
            return ""
        return "The articles found that deal with the question have no abstract that could be cited."
    if fitting:
        return "The only articles found that deal with the question have been retracted."
    return (
        f"None of the {len(documents)} articles found deals with the question closely enough "
        f"(best fit {evidence.relevance:.2f}; {least:.2f} is needed)."
    )
