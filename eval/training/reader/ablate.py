"""What each part of the reader's decisions is worth: figures with one part left out or changed at a time.

    python eval/training/reader/ablate.py --data FOLDER

Prints a Markdown table. The questions are those of ``decide.py``, on which the model was not trained; the regressions
are fitted anew for each row and cross-validated over questions. What the model itself was trained on is varied by
``ablate_training.py``.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import decide
import numpy as np
from items import Item, items

import ragqa.answer.extractive.evidence as evidence_module
import ragqa.answer.extractive.relation as relation_module
import ragqa.reader.model as model_module
from ragqa.answer.extractive.evidence import Evidence
from ragqa.answer.extractive.relation import Query, stances
from ragqa.reader.model import ReaderModel, open_model


def one_way(model: ReaderModel, query: Query, documents: Sequence[Sequence[str]]) -> list[np.ndarray]:
    """What documents say to a question as it stands, not to its opposite."""
    return stances(model, replace(query, opposite=""), documents)


READINGS: dict[str, tuple[tuple[Any, str, Any], ...]] = {
    "as shipped": (),
    "without the direction head": ((relation_module, "QUESTION_WEIGHT", 0.0),),
    "direction head at half weight": ((relation_module, "QUESTION_WEIGHT", 0.5),),
    "direction head at .7": ((relation_module, "QUESTION_WEIGHT", 0.7),),
    "questions not asked the other way round": ((evidence_module, "stances", one_way),),
    "directions of sentences as they are, not sharpened": ((relation_module, "_SHARPNESS", 1),),
    "pieces of 45 words": ((model_module, "PIECE_WORDS", 45), (relation_module, "DIRECTED_WORDS", 45)),
    "pieces of 180 words": ((model_module, "PIECE_WORDS", 180),),
    "directions in pieces of 90 words": ((relation_module, "DIRECTED_WORDS", 90),),
    "directions in pieces of 250 words": ((relation_module, "DIRECTED_WORDS", 250),),
    "two pieces of a document, not five": ((model_module, "_MOST_PIECES", 2),),
    "last sentences only as conclusion: one": ((evidence_module, "_LAST", 1),),
}
"""Row → module, name and value of what is changed before everything is read again."""

DECISIONS: dict[str, tuple[str, Sequence[str]]] = {
    "verdict without the lean of conclusions": ("YES", ("lean", "directed_lean")),
    "verdict from the conclusions alone": ("YES", ("lean_of_conclusions", "directed_lean_of_conclusions")),
    "maybe by the size of the lean alone": ("MAYBE", ("size_of_lean",)),
    "maybe by disagreement alone": ("MAYBE", ("disagreement",)),
    **{
        f"exact answers without {name!r}": ("EXACT", tuple(other for other in decide.EXACT if other != name))
        for name in decide.EXACT
    },
}
"""Row → features of a regression in place of those that are shipped."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    asked = list(items(parser.parse_args().data))
    sources = sorted({item.source for item in asked})
    print("| | " + " | ".join([*sources, "both directions", "factoid MRR", "list F1"]) + " |")
    print("|---|" + "---:|" * (len(sources) + 3))
    shipped: list[Evidence] = []
    for name, changes in READINGS.items():
        with changed(changes):
            own = [decide.read(open_model(), item.question, item.documents[: decide.MOST_OWN]) for item in asked]
        shipped = shipped or own
        print(row(name, sources, asked, own), flush=True)
    for name, (group, features) in DECISIONS.items():
        with changed(((decide, group, features),)):
            print(row(name, sources, asked, shipped), flush=True)


@contextmanager
def changed(changes: Sequence[tuple[Any, str, Any]]) -> Iterator[None]:
    """Names of modules with other values."""
    before = [(module, name, getattr(module, name)) for module, name, _ in changes]
    for module, name, value in changes:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)


def row(name: str, sources: Sequence[str], asked: Sequence[Item], own: Sequence[Evidence]) -> str:
    """A line of the table: accuracy / macro-F1 of each source, both directions right, exact answers."""
    _, verdict = decide.fit_verdict(asked, own)
    _, _, exact = decide.fit_exact(asked, own)
    cells = [f"{verdict[s]['accuracy']:.3f} / {verdict[s]['macro_f1']:.3f}" if s in verdict else "" for s in sources]
    both = f"{both_right(asked, own):.3f}"
    return f"| {name} | " + " | ".join([*cells, both, f"{exact['factoid_mrr']:.3f}", f"{exact['list_f1']:.3f}"]) + " |"


def both_right(asked: Sequence[Item], own: Sequence[Evidence]) -> float:
    """Of trials that found more or less, the share of which both questions lean the right way."""
    leans: dict[str, list[bool]] = {}
    for item, evidence in zip(asked, own, strict=True):
        if item.source == "evidence-inference" and item.gold.label in ("increased", "decreased") and evidence.documents:
            yes, no, _ = np.asarray(evidence.documents[0].relation).tolist()
            leans.setdefault(item.gold.id, []).append((yes > no) == (item.label == "yes"))
    return float(np.mean([all(right) for right in leans.values()]))


if __name__ == "__main__":
    main()
