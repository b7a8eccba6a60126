"""Citations for given sentences, and the limits of answers with citations, as TREC BioGen asks for them.

Task A (2025) wants, for each sentence of an answer, up to three articles that support it beyond those already cited,
and up to three that contradict it. Task B wants an answer of at most 250 words with at most three articles a sentence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import Declaration, Measure, Scores, mean_measure
from ragqa.evaluate.measures.micro import COMBINES, precision_recall_f1

MAX_CITATIONS = 3
MAX_WORDS = 250
KINDS = ("supporting", "contradicting")

DECLARATIONS = (
    *(
        Declaration(f"{kind}_citations_{name}", cutoff=MAX_CITATIONS, denominator=of, combine=COMBINES[name])
        for kind in KINDS
        for name, of in (
            ("precision", "all citations given"),
            ("recall", "all gold citations"),
            ("f1", "all citations given and gold"),
        )
    ),
    Declaration("within_limits", is_proportion=True),
)


@dataclass(frozen=True, slots=True)
class SentenceCitations:
    """Articles that support a sentence, articles that contradict it, best first, and those already cited for it."""

    supporting: tuple[str, ...] = ()
    contradicting: tuple[str, ...] = ()
    existing: tuple[str, ...] = ()

    def new(self, kind: str, existing: Sequence[str]) -> list[str]:
        """The citations of a kind without repeated and existing ones."""
        cited = self.supporting if kind == "supporting" else self.contradicting
        return [article for article in dict.fromkeys(cited) if kind == "contradicting" or article not in existing]


def score_grounding(gold: Mapping[str, SentenceCitations], given: Mapping[str, SentenceCitations]) -> Scores:
    """How many of the citations given are gold, and of the gold ones given, by kind.

    Figures are micro: a citation counts once, whatever sentence it belongs to. What nobody judged counts as wrong.

    Parameters
    ----------
    gold
        Sentence id → gold citations.
    given
        Sentence id → a system's; the first three of a kind count, and those that exist already do not.

    Returns
    -------
    Scores
        Counts: ``n_questions`` (sentences), ``n_sentences_missing``, ``n_citations_cut`` (beyond three),
        ``n_citations_existing`` (repeated from the input).

    Raises
    ------
    UsageError
        There are no gold citations.
    """
    if not any(one.supporting or one.contradicting for one in gold.values()):
        raise UsageError(
            "there are no gold citations; give the file with supported_citations or contradicted_citations"
        )
    n_cut = n_existing = 0
    measures: dict[str, Measure] = {}
    for kind in KINDS:
        counts = {}
        for sentence, wanted in gold.items():
            said = given.get(sentence, SentenceCitations())
            new = said.new(kind, wanted.existing)
            right = set(wanted.new(kind, wanted.existing))
            n_cut += max(len(new) - MAX_CITATIONS, 0)
            first = new[:MAX_CITATIONS]
            counts[sentence] = (len(right.intersection(first)), len(first), len(right))
            if kind == "supporting":
                n_existing += len(set(said.supporting) & set(wanted.existing))
        measures |= precision_recall_f1(f"{kind}_citations", counts)
    told = {
        "n_questions": len(gold),
        "n_sentences_missing": sum(sentence not in given for sentence in gold),
        "n_citations_cut": n_cut,
        "n_citations_existing": n_existing,
    }
    return Scores(measures, told)


def score_limits(answers: Mapping[str, Sequence[tuple[str, Sequence[str]]] | None]) -> Scores:
    """Whether answers keep to 250 words and three articles a sentence.

    Parameters
    ----------
    answers
        Question id → sentences, each with the articles that it cites; None or none where nothing was answered, which
        is not within the limits: there is no answer.
    """
    if not answers:
        raise UsageError("there are no answers whose length could be checked")
    within, n_long, n_many = {}, 0, 0
    for question, sentences in answers.items():
        n_words = sum(len(text.split()) for text, _ in sentences or ())
        many = any(len(set(cited)) > MAX_CITATIONS for _, cited in sentences or ())
        n_long += n_words > MAX_WORDS
        n_many += many
        within[question] = float(bool(sentences) and n_words <= MAX_WORDS and not many)
    counts = {"n_questions": len(answers), "n_too_long": n_long, "n_too_many_citations": n_many}
    return Scores({"within_limits": mean_measure("within_limits", within)}, counts)
