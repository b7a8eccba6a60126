"""A checked text as an answer of BioGen's task A: its sentences in order, each with the articles for and against it."""

from ragqa.check.types import Checked
from ragqa.corpus.sentences import split_sentences
from ragqa.evaluate.measures.grounding import SentenceCitations
from ragqa.evaluate.tasks.formats.biogen import GroundedAnswer

_NO_SENTENCE = frozenset({"heading", "reference"})


def as_grounded(checked: Checked, answer_id: str) -> GroundedAnswer:
    """The sentences of a checked text with their citations; headings and lists of references are none.

    Of a sentence that was read as several claims, each article found for one of them is cited. Articles that the text
    itself cites for a sentence are those that exist already. What has no PMID is left out, as BioGen knows no other
    articles.
    """
    sentences = []
    for place, (_, text) in enumerate(checked.blocks):
        claims = [(number, one) for number, one in enumerate(checked.claims) if one.block == place]
        begins = {one.begin for _, one in claims}
        begins |= {one.begin for one in checked.skipped if one.block == place and one.reason not in _NO_SENTENCE}
        for begin, end in split_sentences(text):
            if not any(begin <= one < end for one in begins):
                continue
            own = {number: one for number, one in claims if begin <= one.begin < end}
            found = SentenceCitations(
                _with_pmid([cited.document_id for one in own.values() for cited in one.supporting]),
                _with_pmid([cited.document_id for one in own.values() for cited in one.contradicting]),
                _with_pmid([one.document_id for one in checked.references for n, _ in one.supports if n in own]),
            )
            sentences.append((text[begin:end], found))
    return GroundedAnswer(answer_id, "", tuple(sentences))


def _with_pmid(document_ids: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for one in document_ids if one.isdecimal()))
