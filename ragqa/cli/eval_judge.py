"""``ragqa eval judge``: how far a judge of faithfulness agrees with people."""

from pathlib import Path
from typing import Any

import click

from ragqa.cli import show
from ragqa.cli.options import json_option


@click.command("judge")
@click.argument("task")
@click.option(
    "--judge", "judge_name", default="reader", show_default=True, help="Entailment model: reader, word-overlap."
)
@click.option("--data", type=click.Path(path_type=Path), help="The task's file or folder.")
@click.option("--split", help="Part of the data; each task has its default.")
@click.option("--setting", help="The rules, where a task has several.")
@click.option("--limit", type=int, help="Only the first so many claims.")
@json_option
def judge(task: str, judge_name: str, limit: int | None, as_json: bool, **options: Any) -> None:
    """Agreement of a judge with people on the labelled claims of TASK, for example healthver (kappa, AUC)."""
    from ragqa.evaluate.compare.judge import judge_agreement
    from ragqa.evaluate.measures.entailment import entailment_model
    from ragqa.evaluate.tasks.registry import load_tasks

    model = entailment_model(judge_name)
    found = [judge_agreement(model, one, limit) for one in load_tasks(task, **options)]
    if as_json:
        show.json_document(found[0] if len(found) == 1 else found)
        return
    for one in found:
        _print(one)


def _print(found: Any) -> None:
    kappa = found.kappa
    rows = [
        ["Cohen's kappa", "–", "–"]
        if kappa is None
        else ["Cohen's kappa", f"{kappa.value:.4f}", f"{kappa.low:.4f}–{kappa.high:.4f}"],
        ["AUC", "–", "–"]
        if found.auc is None
        else ["AUC", f"{found.auc:.4f}", f"{found.auc_interval[0]:.4f}–{found.auc_interval[1]:.4f}"],
    ]
    show.table(["agreement", "value", "95% interval"], rows, title=f"{found.judge} on {found.task}")
    counts = found.confusion
    show.line(
        f"Judge: {found.judge}. Of {found.n_pairs} claims judge and people call {counts['both']} supported and "
        f"{counts['none']} not; only the judge {counts['judge']}, only people {counts['people']}"
    )
