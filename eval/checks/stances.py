"""How well an article's stance to a claim is told on claims that nothing was trained on: HealthVer, NLI4CT.

Run:  python eval/checks/stances.py TASK --data FOLDER [--limit N]
"""

import argparse
import json
from collections import Counter
from pathlib import Path

from sklearn.metrics import f1_score

from ragqa.check.stance import read_for, stances
from ragqa.check.verdict import contradicts, supports
from ragqa.evaluate.tasks.registry import load_tasks
from ragqa.reader.model import open_model


def main() -> None:
    """Judge each claim by the evidence that is given with it; print macro-F1 and the confusion."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int)
    arguments = parser.parse_args()
    (task,) = load_tasks(arguments.task, arguments.data)
    model, gold, told = open_model(), [], []
    for question in task.questions[: arguments.limit]:
        documents = question.documents
        evidence = read_for(model, question.text, documents, allow_retracted=True)
        found = stances(question.text, documents, evidence)
        sides = [sum(one.yes for one in found if supports(one)), sum(one.no for one in found if contradicts(one))]
        told.append("neither" if not any(sides) else "supports" if sides[0] >= sides[1] else "contradicts")
        gold.append(question.label)
    labels = sorted(set(gold))
    print(
        json.dumps(
            {
                "n": len(gold),
                "macro_f1": round(float(f1_score(gold, told, labels=labels, average="macro", zero_division=0)), 4),
                "confusion": {
                    f"{a} told as {b}": n for (a, b), n in sorted(Counter(zip(gold, told, strict=True)).items())
                },
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
