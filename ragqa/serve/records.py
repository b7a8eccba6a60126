"""What the page shows of an article in a list: who wrote it, where it can be read, whom it studied, what fits."""

from dataclasses import dataclass

from ragqa.answer.compose import source_of
from ragqa.answer.participants import participants
from ragqa.corpus.marks import under_concern
from ragqa.corpus.sentences import split_sentences
from ragqa.corpus.text import abstract_sections
from ragqa.corpus.words import content_stems
from ragqa.render import addresses
from ragqa.study.read import study_of
from ragqa.types import Document, Source, Study


@dataclass(frozen=True, slots=True)
class Record:
    """An article of a list.

    Attributes
    ----------
    participants
        As :func:`ragqa.answer.participants.participants` reads them in the abstract.
    concern
        Whether the journal published an expression of concern.
    sentence
        The sentence of the abstract that shares most words with the question; "" where none shares any.
    words
        Those words of the sentence.
    study
        The article as a row of an evidence table, as :func:`ragqa.study.read.study_of` reads it.
    """

    source: Source
    authors: tuple[str, ...]
    date: str
    doi: str
    doi_url: str
    pmcid: str
    pmc_url: str
    mesh: tuple[str, ...]
    participants: int | None
    concern: bool
    sentence: str
    words: tuple[str, ...]
    study: Study


def record_of(document: Document, question: str) -> Record:
    """The article with what of it fits a question; "" fits nothing."""
    sentence, words = _best_sentence(document, frozenset(content_stems(question)))
    return Record(
        source=source_of(document, cited=False),
        authors=document.authors,
        date=document.date,
        doi=document.doi,
        doi_url=addresses.of_doi(document.doi),
        pmcid=document.pmcid,
        pmc_url=addresses.of_pmc(document.pmcid),
        mesh=tuple(heading.name for heading in document.mesh),
        participants=participants(document),
        concern=under_concern(document),
        sentence=sentence,
        words=words,
        study=study_of(document),
    )


def _best_sentence(document: Document, wanted: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    best, shared = "", frozenset[str]()
    for section in abstract_sections(document):
        for begin, end in split_sentences(section.text):
            sentence = section.text[begin:end]
            found = wanted & frozenset(content_stems(sentence))
            if len(found) > len(shared):
                best, shared = sentence, found
    words = dict.fromkeys(word for word in best.split() if shared & frozenset(content_stems(word)))
    return best, tuple(word.strip(".,;:()[]\"'") for word in words)
