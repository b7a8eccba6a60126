"""Whether a verdict follows the question: both directions asked, "is it false that", and a question of something else.

Asks the extractive reader of single abstracts of trials (Evidence Inference's validation articles on which nothing was
fitted), where a significant increase or decrease was found. A question of another trial should get no verdict, or
another one.

Run:  python eval/checks/directions.py --data FOLDER      (FOLDER holds evidence-inference/)
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "training" / "reader"))

from texts import held_back

from ragqa.answer.extractive.reader import ExtractiveReader
from ragqa.evaluate.stats.intervals import wilson
from ragqa.evaluate.tasks.registry import load_tasks
from ragqa.evaluate.tasks.task import TaskQuestion
from ragqa.recipe import AnswerSettings
from ragqa.types import Document, Question, VerdictLabel


def main() -> None:
    """Ask all, print shares with Wilson's intervals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    (task,) = load_tasks("evidence-inference", arguments.data / "evidence-inference", "validation", None)
    chosen = [question for question in task.questions if held_back(question.id, 2) and directed(question)]
    # Any abstract gives a verdict here: that an article deals with the question is the gate's matter.
    forced, asked = (
        ExtractiveReader.open(AnswerSettings(abstain_below=least, verdict_above=0.0, verdict_coverage=0.0))
        for least in (0.0, 0.5)
    )
    both, differ, false_same, random_same, answered = [], [], [], [], []
    for place, question in enumerate(chosen):
        up, down = (verdict(forced, text(question, verb), question.documents) for verb in ("increase", "decrease"))
        right = ("yes", "no") if question.label == "increased" else ("no", "yes")
        both.append((up, down) == right)
        differ.append(up != down)
        negated = f"Is it false that {statement(question)}?"
        false_same.append(verdict(forced, negated, question.documents) == up)
        other = chosen[(place + len(chosen) // 2) % len(chosen)]
        random_same.append(verdict(asked, text(other, "increase"), question.documents) == up)
        answered.append(verdict(asked, text(question, "increase"), question.documents) is not None)
    for name, hits in (
        ("both of opposite questions right", both),
        ("their verdicts differ", differ),
        ('the same verdict under "Is it false that"', false_same),
        ("the same verdict after a question of something else", random_same),
        ("answered at .5", answered),
    ):
        low, high = wilson(sum(hits), len(hits))
        print(f"{name:52} {sum(hits) / len(hits):.3f} [{low:.3f}, {high:.3f}]  n = {len(hits)}")


def directed(question: TaskQuestion) -> bool:
    """Whether more or less was found, and the abstract is there."""
    return question.trial is not None and question.label in ("increased", "decreased") and bool(question.documents)


def text(question: TaskQuestion, verb: str) -> str:
    """The question on a trial with this verb."""
    trial = question.trial
    assert trial is not None
    return f"Does {trial.intervention} {verb} {trial.outcome} compared with {trial.comparator or 'control'}?"


def statement(question: TaskQuestion) -> str:
    """That it increases the outcome, as a clause."""
    trial = question.trial
    assert trial is not None
    return f"{trial.intervention} increases {trial.outcome} compared with {trial.comparator or 'control'}"


def verdict(reader: ExtractiveReader, asked: str, documents: tuple[Document, ...]) -> VerdictLabel | None:
    """What the reader says; None where it abstains."""
    return reader.read(Question(asked, type="yesno"), documents, [1.0] * len(documents)).verdict


if __name__ == "__main__":
    main()
