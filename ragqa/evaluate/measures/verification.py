"""Claim verification with evidence, as SciFact's official program scores it, by the abstract and by the sentence.

After ``verisci/evaluate`` of https://github.com/allenai/scifact (Wadden et al., EMNLP 2020). All figures are micro: an
abstract, or a sentence, counts once, whatever claim it belongs to. An abstract that is labelled ``neither`` counts
neither as retrieved nor as relevant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import Declaration, Measure, Scores
from ragqa.evaluate.measures.micro import COMBINES, precision_recall_f1

DECLARATIONS = tuple(
    Declaration(f"{unit}_{name}", denominator=f"all {unit.split('_')[0]}s {of}", combine=COMBINES[name])
    for unit in ("abstract_label_only", "abstract_rationalized", "sentence_selection", "sentence_label")
    for name, of in (("precision", "retrieved"), ("recall", "with evidence"), ("f1", "retrieved and with evidence"))
)
MAX_ABSTRACT_SENTENCES = 3
"""Sentences of an abstract that the score by the abstract looks at."""


@dataclass(frozen=True, slots=True)
class GoldAbstract:
    """An abstract with evidence: its label, and alternative sets of sentences that each prove it."""

    label: str
    rationales: tuple[frozenset[int], ...] = ()


@dataclass(frozen=True, slots=True)
class LabelledAbstract:
    """What a system says of an abstract: a label, and the sentences that it rests on, best first."""

    label: str
    sentences: tuple[int, ...] = ()


def score_verification(
    gold: Mapping[str, Mapping[str, GoldAbstract]],
    labelled: Mapping[str, Mapping[str, LabelledAbstract]],
    *,
    by_sentence: bool = True,
) -> Scores:
    """SciFact's four scores, each with its precision and recall.

    Parameters
    ----------
    gold
        Claim → document → what it says. Claims without evidence are there, with no document.
    labelled
        Claim → document → what the system says; documents that it labels ``neither`` are left out.
    by_sentence
        False where the gold has no sentences: only ``abstract_label_only_*`` is scored.

    Returns
    -------
    Scores
        ``abstract_label_only_f1``: right document and label. ``abstract_rationalized_f1``: and one whole evidence set
        among the first three sentences. ``sentence_selection_f1``: a sentence is right where all of its evidence set
        was found. ``sentence_label_f1``: and the label is right. Counts: ``n_questions``; ``n_abstracts_relevant`` and
        ``n_abstracts_retrieved``; ``n_rationales_too_long`` (more than three sentences).

    Raises
    ------
    UsageError
        There is no claim.
    """
    if not gold:
        raise UsageError("there is no claim to score; give claims with their gold evidence")
    abstracts = {
        claim: _abstract_counts(documents, labelled.get(claim, {}), by_sentence=by_sentence)
        for claim, documents in gold.items()
    }
    measures = _family("abstract_label_only", abstracts, 0)
    if by_sentence:
        measures |= _family("abstract_rationalized", abstracts, 1)
        sentences = {claim: _sentence_counts(documents, labelled.get(claim, {})) for claim, documents in gold.items()}
        measures |= _family("sentence_selection", sentences, 0)
        measures |= _family("sentence_label", sentences, 1)
    given = [abstract for claim in gold for abstract in labelled.get(claim, {}).values()]
    counts = {
        "n_questions": len(gold),
        "n_abstracts_relevant": sum(map(len, gold.values())),
        "n_abstracts_retrieved": len(given),
        "n_rationales_too_long": sum(len(abstract.sentences) > MAX_ABSTRACT_SENTENCES for abstract in given),
    }
    return Scores(measures, counts)


def _abstract_counts(
    gold: Mapping[str, GoldAbstract], labelled: Mapping[str, LabelledAbstract], *, by_sentence: bool
) -> tuple[int, int, int, int]:
    """Abstracts with the right label, those with the right evidence too, retrieved ones, relevant ones."""
    n_label = n_rationale = 0
    for document, abstract in labelled.items():
        if document not in gold or abstract.label != gold[document].label:
            continue
        n_label += 1
        first = set(abstract.sentences[:MAX_ABSTRACT_SENTENCES])
        n_rationale += by_sentence and any(rationale <= first for rationale in gold[document].rationales)
    return n_label, n_rationale, len(labelled), len(gold)


def _sentence_counts(
    gold: Mapping[str, GoldAbstract], labelled: Mapping[str, LabelledAbstract]
) -> tuple[int, int, int, int]:
    """Right sentences, those with the right label too, retrieved ones, relevant ones."""
    n_selected = n_label = 0
    for document, abstract in labelled.items():
        if document not in gold:
            continue
        found = set(abstract.sentences)
        n_right = len({n for rationale in gold[document].rationales if rationale <= found for n in rationale})
        n_selected += n_right
        n_label += n_right * (abstract.label == gold[document].label)
    n_retrieved = sum(len(abstract.sentences) for abstract in labelled.values())
    n_relevant = sum(len(rationale) for abstract in gold.values() for rationale in abstract.rationales)
    return n_selected, n_label, n_retrieved, n_relevant


def _family(name: str, counts: Mapping[str, Sequence[int]], column: int) -> dict[str, Measure]:
    """Precision, recall and F1 of one score from counts of [right, right, retrieved, relevant]."""
    return precision_recall_f1(name, {claim: (row[column], row[2], row[3]) for claim, row in counts.items()})
