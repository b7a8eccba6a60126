"""How often a verdict is given with the articles that answer a question, how often it is right, and how often without.

Asks the extractive reader yes/no questions that its model was not trained on, over the documents that answer them and
over BM25's other hits and some drawn at random (``eval/training/reader/gate_pairs.py``); prints a row for each bar on
the coverage of the question's words and on relevance. The bars are no held-out figures: they are chosen here.

Run:  python eval/checks/verdicts.py --data FOLDER      (FOLDER as for eval/training/reader/decide.py)
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "training" / "reader"))

from gate_pairs import gate_pairs
from items import items

from ragqa.answer.extractive.evidence import Evidence, gather
from ragqa.answer.extractive.verdict import OverallVerdict, overall_verdict
from ragqa.answer.question import analyse
from ragqa.reader.model import open_model

_ABOVE = 0.6
Bar = Callable[[Evidence, OverallVerdict], bool]


def main() -> None:
    """Read everything once, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    model, asked = open_model(), list(items(arguments.data))
    labels = {(item.source, item.text): item.label for item in asked}
    read = []
    for pair in gate_pairs(asked, arguments.data):
        if pair.question.type == "yesno":
            question = analyse(pair.question)
            own, others = (gather(model, question, d, allow_retracted=True) for d in (pair.own, pair.others))
            read.append((labels[pair.source, pair.question.text], own, others))
    print(f"{len(read)} questions; a verdict of at least {_ABOVE}")
    print(f"{'':24}{'given with the evidence':>26}{'right of those':>18}{'given without it':>18}")
    for name, bar in bars():
        with_it = [(label, _given(own, bar)) for label, own, _ in read]
        given = [label == said for label, said in with_it if said]
        without = [bool(_given(others, bar)) for *_, others in read]
        print(f"{name:24}{len(given) / len(read):>26.3f}{np.mean(given):>18.3f}{np.mean(without):>18.3f}")


def bars() -> list[tuple[str, Bar]]:
    """What may be asked of a verdict beside its probability, by name."""
    return [
        ("nothing more", lambda _evidence, _verdict: True),
        *((f"coverage of {least}", _covered(least)) for least in (0.5, 0.55, 0.6, 0.65, 0.7)),
        *((f"relevance of {least}", _relevant(least)) for least in (0.6, 0.7, 0.8)),
    ]


def _covered(least: float) -> Bar:
    return lambda _evidence, verdict: verdict.coverage >= least


def _relevant(least: float) -> Bar:
    return lambda evidence, _verdict: evidence.relevance >= least


def _given(evidence: Evidence, bar: Bar) -> str:
    """The verdict that is given, "" where it is withheld."""
    verdict = overall_verdict(evidence, 0.5, _ABOVE)
    return verdict.label if verdict is not None and verdict.decided and bar(evidence, verdict) else ""


if __name__ == "__main__":
    main()
