"""``ragqa eval judge …``: facts in answers, answers against each other, and how far a judge agrees with people."""

from pathlib import Path
from typing import Any

import click

from ragqa.cli import show
from ragqa.cli.options import json_option

_AGREEMENT = "agreement"

judge_option = click.option(
    "--judge",
    "judge_name",
    default="reader",
    show_default=True,
    help="An entailment model (reader, word-overlap), or llm: a language model by its endpoint.",
)
address_option = click.option("--endpoint", help="Of llm: its address, for example http://127.0.0.1:8001/v1.")
set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="TABLE.KEY=VALUE",
    help="Of llm: answer.chat.model, answer.chat.api_key_variable … (repeatable).",
)


class _TaskOrCommand(click.Group):
    """``eval judge TASK`` is short for ``eval judge agreement TASK``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in self.get_help_option_names(ctx):
            args = [_AGREEMENT, *args]
        return super().parse_args(ctx, args)


@click.group("judge", cls=_TaskOrCommand)
def judge() -> None:
    """Judge answers by a named judge, and the judge by people (TASK alone is: agreement TASK)."""


@judge.command(_AGREEMENT)
@click.argument("task")
@judge_option
@address_option
@set_option
@click.option("--data", type=click.Path(path_type=Path), help="The task's file or folder.")
@click.option("--split", help="Part of the data; each task has its default.")
@click.option("--setting", help="The rules, where a task has several.")
@click.option("--limit", type=int, help="Only the first so many claims.")
@json_option
def agreement(
    task: str,
    judge_name: str,
    limit: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Agreement of a judge with people on the labelled claims of TASK, for example healthver (kappa, AUC)."""
    from ragqa.evaluate.compare.judge import judge_agreement
    from ragqa.evaluate.measures.judges import open_entailment
    from ragqa.evaluate.tasks.registry import load_tasks

    settings = _settings(options)
    tasks = load_tasks(task, **options)
    model = open_entailment(judge_name, settings)
    found = [judge_agreement(model, one, limit) for one in tasks]
    if as_json:
        show.json_document(found[0] if len(found) == 1 else found)
        return
    for one in found:
        _print(one)


@judge.command()
@click.argument("run_name", metavar="RUN")
@judge_option
@address_option
@set_option
@click.option(
    "--against",
    type=click.Choice(["given", "cited", "gold"]),
    default="given",
    show_default=True,
    help="The passages that were given (faithfulness), those cited, or gold text (factual precision).",
)
@click.option(
    "--units",
    type=click.Choice(["sentences", "facts"]),
    default="sentences",
    show_default=True,
    help="What is judged: sentences, or the atomic facts that a language model finds in them.",
)
@click.option("--retry-failed", is_flag=True, help="Judge again what the judge could not be asked about.")
@click.option("--show", "n_shown", default=5, show_default=True, help="How many statements without support to show.")
@json_option
def facts(
    run_name: str,
    judge_name: str,
    n_shown: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Judge every statement of RUN's answers, or go on with it; eval report and eval compare show the figures."""
    from ragqa.evaluate.measures.judges import open_judge
    from ragqa.evaluate.runs.facts import judge_facts
    from ragqa.evaluate.runs.figures import summarise
    from ragqa.evaluate.runs.load import load_run

    settings, path = _settings(options), load_run(run_name).path
    show.tell_more()
    with show.progress_bars() as progress:
        found = judge_facts(path, open_judge(judge_name, settings), progress=progress, **options)
    metrics = summarise(found.manifest.task, found.scores)
    if as_json:
        show.json_document(
            {"path": str(path), "file": str(found.file), "judge": found.head.judge, **show.fields(metrics)}
        )
        return
    rows = [
        [name, f"{value:.4f}", f"{metrics.intervals[name][0]:.4f}–{metrics.intervals[name][1]:.4f}", metrics.n[name]]
        for name, value in metrics.metrics.items()
    ]
    show.table(["measure", "value", "95% interval", "n"], rows, title=f"{found.manifest.system} by {found.head.judge}")
    show.line("Counts: " + ", ".join(f"{name} {count}" for name, count in metrics.counts.items()))
    for note in metrics.notes:
        show.line(f"Note: {note}")
    _print_unsupported(found, n_shown)
    show.line(
        f"How far {found.head.judge} agrees with people: ragqa eval judge healthver --data FILE --judge {judge_name}"
    )
    show.line(f"Judged: {found.file}")


@judge.command()
@click.argument("names", nargs=-1, required=True, metavar="RUN RUN …")
@judge_option
@address_option
@set_option
@click.option(
    "--against",
    type=click.Choice(["gold", "given", "none"]),
    default="gold",
    show_default=True,
    help="Gold answers, the passages each answer was given (entailment models), or nothing (llm).",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the verdicts; default: one under eval/pairs.")
@click.option("--retry-failed", is_flag=True, help="Ask again what the judge could not be asked about.")
@json_option
def pairs(
    names: tuple[str, ...],
    judge_name: str,
    as_json: bool,
    **options: Any,
) -> None:
    """Set the answers of runs against each other, both ways round, and rank the systems (Bradley–Terry with ties)."""
    from ragqa.evaluate.compare.cells import load_compared
    from ragqa.evaluate.compare.preferences import judge_pairs
    from ragqa.evaluate.measures.judges import open_judge

    settings, runs = _settings(options), load_compared(names)
    show.tell_more()
    with show.progress_bars() as progress:
        path, found = judge_pairs(runs, open_judge(judge_name, settings), progress=progress, **options)
    if as_json:
        show.json_document({"path": str(path), **show.fields(found)})
        return
    _print_ranking(found)
    show.line(f"Judged: {path}")


def _settings(options: dict[str, Any]) -> tuple[str, ...]:
    """The settings of a language model, taken out of a command's options."""
    endpoint, overrides = options.pop("endpoint"), options.pop("overrides")
    return overrides if endpoint is None else (f'answer.chat.base_url="{endpoint}"', *overrides)


def _print_ranking(found: Any) -> None:
    rows = []
    for number, one in enumerate(found.ranking.systems, start=1):
        bounds = f"{one.strength.low:+.2f} to {one.strength.high:+.2f}"
        rows.append([number, one.system, f"{one.strength.value:+.2f}", bounds, f"{one.share_of_points:.3f}"])
    show.table(["", "system", "strength", "95% interval", "points"], rows, title=f"Preferred by {found.judge}")
    rows = []
    for pair in found.pairs:
        points = f"{pair.points.value:.3f} ({pair.points.low:.3f}–{pair.points.high:.3f})"
        outcome = f"{pair.wins}/{pair.ties}/{pair.losses}"
        rows.append([pair.a, pair.b, outcome, points, pair.n_by_position, pair.n_unjudged])
    show.table(["A", "B", "win/tie/loss of A", "A's points", "ties by position", "unjudged"], rows)
    show.line(f"{found.caption}. Ties: ν = {found.ranking.tie_parameter:.2f}")
    if found.position is not None:
        one = found.position
        show.line(
            f"Position bias: of {one.n_pairs} pairs shown both ways round, {one.n_first} went to the first place both "
            f"times and {one.n_second} to the second: {one.share:.3f} ({one.low:.3f}–{one.high:.3f})"
        )
    show.line("Counts: " + ", ".join(f"{name} {count}" for name, count in found.counts.items()))
    for note in found.notes:
        show.line(f"Note: {note}")


def _print_unsupported(found: Any, n_shown: int) -> None:
    unsupported = [(one.id, said) for one in found.answers for said in one.statements if not said.supported]
    for question_id, said in unsupported[: max(n_shown, 0)]:
        why = said.error or f"strength {said.strength:.2f}"
        show.line(f"Not supported ({why}): {question_id}  {said.text}")


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
    if found.n_unjudged:
        show.line(
            f"Note: {found.n_unjudged} claims have no judgement and count as not supported; the first: "
            f"{found.first_error}"
        )
