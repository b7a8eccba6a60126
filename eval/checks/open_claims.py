"""SciFact in the open setting, as ``ragqa check`` does it: search 5,183 abstracts for each claim, label, cite.

Scored as SciFact's authors do (abstracts by label alone and with their rationale, sentences by selection and with
their label), beside a majority and a word-overlap baseline on the same articles, and beside published figures. The
claims are those of the training file that the reader's model was not trained on; what an article says, and in which
sentences, is told by weights fitted on other claims (cross-validated over groups of claims that share an abstract, ten
times). BEIR's corpus lacks SciFact's sentences: ragqa's own division stands for them, and a number beyond its end means
the last.

Run:  python eval/checks/open_claims.py --data FOLDER      (FOLDER holds scifact-claims/ and beir/scifact/)
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "training" / "check"))

import quotes
from fit import N_REPEATS, held_out, held_out_sentences, matrices
from pairs import CORPUS, Pair, claims_of, read_for, unread

from ragqa.check.checker import N_READ
from ragqa.check.sentences import also_quoted
from ragqa.check.stance import Stance
from ragqa.check.verdict import contradicts, supports
from ragqa.evaluate.measures.measure import figure
from ragqa.evaluate.measures.verification import GoldAbstract, LabelledAbstract, score_verification
from ragqa.evaluate.report.published import published_figures
from ragqa.evaluate.runs.labelling import OverlapLabeller
from ragqa.evaluate.stats.intervals import interval
from ragqa.evaluate.tasks.claims.scifact import Claim, read_abstracts
from ragqa.evaluate.tasks.evidence import CLAIM_LABELS, CONTRADICTS, NEITHER, SUPPORTS, Place, sentence_places, touched
from ragqa.types import Proposition, Span

MEASURES = ("abstract_label_only_f1", "abstract_rationalized_f1", "sentence_selection_f1", "sentence_label_f1")
Gold = dict[str, dict[str, GoldAbstract]]
Labelled = dict[str, dict[str, LabelledAbstract]]


def main() -> None:
    """Search and read once, label by each system, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    claims, others, group_of = claims_of(arguments.data)
    gold, n_moved = gold_of(claims, arguments.data / CORPUS / "corpus.jsonl")
    pairs = list(read_for(claims, group_of, arguments.data))
    words = quotes.by_words(list(unread(others, group_of, arguments.data)))
    checks = list(checked(pairs, words))
    counted = Counter(label for claim in claims for label in claim.labels.values())
    (majority, _), *_ = counted.most_common()
    told = {
        f"the first article {majority}": labelled(pairs, lambda pair: last_sentence(pair, majority, most=1)),
        f"each article {majority}": labelled(pairs, lambda pair: last_sentence(pair, majority)),
        "word overlap": labelled(pairs, by_overlap),
        "ceiling of the search": labelled(pairs, lambda pair: by_gold(pair, gold)),
    }
    n_gold = sum(map(len, gold.values()))
    n_read = sum(pair.document.id in pair.claim.labels for pair in pairs)
    print(f"{len(claims)} claims, {n_gold} abstracts with evidence, {n_read} of them read; {counted}")
    print(f"{n_moved} evidence sentences beyond the end of the abstract as it is divided here")
    print(row("", [name.removesuffix("_f1") for name in MEASURES]))
    figures = np.array([[f1(gold, one, name) for name in MEASURES] for one in checks])
    print(row("ragqa check, cross-validated", [f"{value:.3f}" for value in figures.mean(axis=0)]))
    print(
        row(
            "  least and most of the repeats",
            [f"{a:.3f}–{b:.3f}" for a, b in zip(figures.min(0), figures.max(0), strict=True)],
        )
    )
    print(row("  95 % interval over claims", [bounds(gold, checks[0], name) for name in MEASURES]))
    for name, given in told.items():
        print(row(name, [f"{f1(gold, given, measure):.3f}" for measure in MEASURES]))
    for one in published_figures("scifact-claims", setting="open"):
        shown = [f"{one.value:.3f}" if one.measure == name else "" for name in MEASURES]
        print(row(f"{one.system} ({one.year}, published)", shown) + f"  {one.note}")


def gold_of(claims: Sequence[Claim], corpus: Path) -> tuple[Gold, int]:
    """Claim → abstract → label and evidence sets by sentence; how many sentences lie beyond their abstract's end."""
    abstracts = read_abstracts(corpus, {document_id for claim in claims for document_id in claim.labels})
    gold: Gold = {claim.id: {} for claim in claims}
    n_moved = 0
    for claim in claims:
        for document_id, label in claim.labels.items():
            last = len(sentence_places(abstracts[document_id].document)) - 1
            sets = claim.sets.get(document_id, [])
            n_moved += sum(number > last for numbers in sets for number in numbers)
            rationales = tuple(frozenset(min(number, last) for number in numbers) for numbers in sets)
            gold[claim.id][document_id] = GoldAbstract(label, rationales)
    return gold, n_moved


def checked(pairs: Sequence[Pair], words: dict[str, float]) -> Iterator[Labelled]:
    """What a check says, once for each division into folds; ``words`` are weights of :func:`quotes.by_words`."""
    read = [pair for pair in pairs if pair.features]
    for seed in range(N_REPEATS):
        chances = held_out(*matrices(read), seed).tolist()
        weights = held_out_sentences(words, read, seed)
        told = {id(pair): known for pair, *known in zip(read, chances, weights, strict=True)}
        yield labelled(read, lambda pair, told=told: by_check(pair, *told[id(pair)]))


def labelled(pairs: Sequence[Pair], label: Callable[[Pair], LabelledAbstract | None]) -> Labelled:
    """What a system says of each article that was read; None where it says that the article says nothing."""
    found: Labelled = {}
    for pair in pairs:
        if (said := label(pair)) is not None:
            found.setdefault(pair.claim.id, {})[pair.document.id] = said
    return found


def by_check(pair: Pair, chances: Sequence[float], weights: dict[str, float]) -> LabelledAbstract | None:
    """Cited for or against the claim, by the sentences that are quoted, as ``ragqa check`` does."""
    found = Stance(pair.rank, chances[0], chances[1], 1.0, pair.passage, pair.objection)
    if pair.passage is None or not (supports(found) or contradicts(found)):
        return None
    (best,) = touched(pair.places, [place_of(pair.passage.span)])
    likely = np.where(pair.citable, quotes.chances(weights, pair), 0.0)
    more = also_quoted(likely, best, max(found.yes, found.no))
    return LabelledAbstract(SUPPORTS if supports(found) else CONTRADICTS, (best, *more))


def by_overlap(pair: Pair) -> LabelledAbstract | None:
    """By shared words and words of denial."""
    said = OverlapLabeller().label(Proposition(pair.claim.text, CLAIM_LABELS), [pair.document])
    label = max(said.probabilities, key=lambda name: said.probabilities[name])
    chosen = [place_of(found.span) for found in said.evidence if found.chosen]
    return None if label == NEITHER else LabelledAbstract(label, tuple(touched(pair.places, chosen)))


def last_sentence(pair: Pair, label: str, most: int = N_READ) -> LabelledAbstract | None:
    """The same label for the first articles, each by its last sentence, where authors conclude."""
    return LabelledAbstract(label, (len(pair.places) - 1,)) if pair.rank < most and pair.places else None


def by_gold(pair: Pair, gold: Gold) -> LabelledAbstract | None:
    """The truth, of the articles that were found."""
    known = gold[pair.claim.id].get(pair.document.id)
    return known and LabelledAbstract(known.label, tuple(sorted(set().union(*known.rationales))))


def place_of(span: Span) -> Place:
    """Where a quote stands."""
    return Place(span.document_id, span.section, span.begin, span.end)


def f1(gold: Gold, said: Labelled, name: str) -> float:
    """A figure of SciFact's."""
    return figure(score_verification(gold, said).measures[name])


def bounds(gold: Gold, said: Labelled, name: str) -> str:
    """Its interval by the bootstrap over claims."""
    found = interval(score_verification(gold, said).measures[name])
    return f"{found.low:.3f}–{found.high:.3f}"


def row(name: str, cells: Sequence[str]) -> str:
    """A line of the table."""
    return f"{name:36}" + "".join(f"{cell:>24}" for cell in cells)


if __name__ == "__main__":
    main()
