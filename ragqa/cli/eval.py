"""``ragqa eval …``: run, score, compare, ablate, report, export."""

from pathlib import Path
from typing import Any

import click

from ragqa.cli import eval_show, show
from ragqa.cli.eval_judge import judge
from ragqa.cli.eval_rewrite import rewrite
from ragqa.cli.options import json_option, ray_option, set_option

_PATH = click.Path(path_type=Path)


@click.group("eval")
def evaluate() -> None:
    """How it is judged: run tasks, score, compare, ablate, report, export."""


evaluate.add_command(judge)
evaluate.add_command(rewrite)


@evaluate.command()
@click.argument("task")
@click.option("--data", type=_PATH, help="The task's file or folder.")
@click.option("--split", help="Part of the data; each task has its default.")
@click.option("--setting", help="The rules, where a task has several, for example A, A+ or B of bioasq.")
@click.option("--index", "index_name", help="A built index.")
@click.option("--recipe", "recipe_name", help="A recipe for an index of the corpus, built where needed.")
@click.option("--corpus", help="A built corpus; default: the task's own.")
@set_option
@click.option("--out", type=_PATH, help="The run's folder; default: eval/runs/ID.")
@click.option("--batch", default=256, show_default=True, help="Questions a batch; 1 makes the timings latencies.")
@click.option("--hits", "n_hits", default=100, show_default=True, help="Hits kept of each question.")
@click.option("--limit", type=int, help="Only the first so many questions.")
@click.option("--baseline", help="Label by majority, never or word-overlap, not the reader.")
@click.option("--perturb", help="Put the questions otherwise: typos, paraphrase, clause, …, or a file of eval rewrite.")
@click.option(
    "--entailment", default="word-overlap", show_default=True, help="Judge of citations: word-overlap, reader."
)
@click.option("--retry-failed", is_flag=True, help="Ask again what ended in an error.")
@ray_option
@click.option("--repeats", type=int, help="So many times, to tell the noise from run to run (2 or more).")
@json_option
def run(
    task: str, index_name: str | None, recipe_name: str | None, repeats: int | None, as_json: bool, **options: Any
) -> None:
    """Run TASK (see eval/tasks), or go on with it; finished questions are kept."""
    from ragqa.evaluate.runs.repeats import run_repeats
    from ragqa.evaluate.runs.request import Request
    from ragqa.evaluate.runs.run import run as run_task

    show.tell_more()
    request = Request(task, index=index_name, recipe=recipe_name, **options)
    with show.progress_bars() as progress, eval_show.question_bar() as on_question:
        if repeats is not None:
            path, found = run_repeats(request, repeats, progress, on_question)
        else:
            results = run_task(request, progress, on_question)
    if repeats is not None:
        eval_show.repeats(path, found, as_json)
    else:
        eval_show.results(results, as_json)


@evaluate.command("import")
@click.argument("file", type=_PATH)
@click.option("--task", required=True, help="The task whose questions the file answers.")
@click.option("--data", type=_PATH, help="The task's file or folder.")
@click.option("--split", help="Part of the data; each task has its default.")
@click.option("--setting", help="The rules, where a task has several.")
@click.option("--label", default="", help="What tables call the system; default: the file's name.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["trec", "bioasq", "biogen", "browsecomp-plus", "pubmedqa", "mirage"]),
    help="Default: the task's.",
)
@click.option("--hits", "n_hits", default=100, show_default=True, help="The depth that the lists were made to.")
@click.option("--limit", type=int, help="Only the first so many questions.")
@click.option("--out", type=_PATH, help="The run's folder; default: eval/runs/ID.")
@json_option
def import_(file: Path, task: str, label: str, form: Any, as_json: bool, **options: Any) -> None:
    """Make a run of another system's FILE, to be compared and reported like any other.

    FILE is a TREC run, a submission to BioASQ or to BioGen's task A (as ``ragqa check --out`` writes one), PubMedQA's
    predictions, the folder of MIRAGE's, or that of an agent's run on BrowseComp-Plus.
    """
    from ragqa.evaluate.runs.imported import import_run
    from ragqa.evaluate.runs.request import Request

    eval_show.results([import_run(file, Request(task, **options), label, form)], as_json)


@evaluate.group()
def score() -> None:
    """Score what another system made, by the same harness."""


@score.command("trec")
@click.option("--qrels", type=_PATH, required=True, help="Relevance judgements, TREC's or BEIR's form.")
@click.option("--run", "run_path", type=_PATH, required=True, help="A TREC run.")
@click.option("--measure", "measures", multiple=True, help="For example nDCG@10 (repeatable).")
@json_option
def score_trec(qrels: Path, run_path: Path, measures: tuple[str, ...], as_json: bool) -> None:
    """Score a TREC run against relevance judgements."""
    from ragqa.evaluate.runs.foreign import score_trec as score_

    eval_show.metrics(score_(qrels, run_path, measures), as_json)


@score.command("bioasq")
@click.option("--gold", type=_PATH, required=True, help="A gold file of Task b.")
@click.option("--submission", type=_PATH, required=True, help="A system's answers.")
@json_option
def score_bioasq(gold: Path, submission: Path, as_json: bool) -> None:
    """Score a BioASQ submission: documents, snippets, exact and ideal answers."""
    from ragqa.evaluate.runs.foreign import score_bioasq as score_

    eval_show.metrics(score_(gold, submission), as_json)


@evaluate.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN …")
@click.option("--measure", "measures", multiple=True, help="Default: the task's primary measure (repeatable).")
@click.option("--test", type=click.Choice(["randomisation", "mcnemar"]), default="randomisation", show_default=True)
@click.option("--against-first", is_flag=True, help="Compare all with the first run only, not every pair.")
@click.option("--across", is_flag=True, help="Rank systems across tasks instead: mean rank, Borda, Kemeny.")
@click.option("--changed", default=10, show_default=True, help="How many of the questions that changed to show.")
@json_option
def compare(
    runs: tuple[str, ...], measures: tuple[str, ...], across: bool, changed: int, as_json: bool, **options: Any
) -> None:
    """Test runs on the same questions, or the cells of an ablation, against each other."""
    from ragqa.evaluate.compare.across import rank_across
    from ragqa.evaluate.compare.cells import load_compared
    from ragqa.evaluate.compare.pairs import compare_runs

    loaded = load_compared(runs, measures)
    if across:
        eval_show.ranked(rank_across(loaded), as_json)
    else:
        questions = loaded[0].questions
        eval_show.compared(compare_runs(loaded, measures, **options), questions, changed, as_json)


@evaluate.command()
@click.argument("names", nargs=-1, metavar="FIGURE …")
@click.option("--data", type=_PATH, help="The folder with the data sets; default: where eval fetch puts them.")
@click.option("--out", type=_PATH, help="Folder of the page and the runs; default: eval/reproduction.")
@json_option
def reproduce(names: tuple[str, ...], data: Path | None, out: Path | None, as_json: bool) -> None:
    """Make the figures anew that ragqa claims (eval/reproductions.toml): command, expected, measured, pass or fail.

    Exit status 1 where a figure does not come out as claimed; a data set that is not there is told, not failed.
    """
    from ragqa import home
    from ragqa.evaluate.report.reproduction import HTML_FILE, claims
    from ragqa.evaluate.report.reproduction import reproduce as reproduce_

    folder = out or home.home() / "eval" / "reproduction"
    show.tell_more()
    with show.progress_bars() as progress:
        found = reproduce_(claims(names), data, folder, progress)
    eval_show.reproduced(found, folder / HTML_FILE, as_json)
    if any(one.status == "fail" for one in found.results):
        raise click.exceptions.Exit(1)


@evaluate.command()
@click.argument("folders", nargs=-1, required=True, metavar="REPEATS REPEATS …", type=_PATH)
@json_option
def noise(folders: tuple[Path, ...], as_json: bool) -> None:
    """Signal and noise: how far systems lie apart, by how far each moves from run to run (eval run --repeats)."""
    from ragqa.evaluate.compare.noise import signal_to_noise
    from ragqa.evaluate.runs.repeats import read_repeats

    eval_show.noise(signal_to_noise([read_repeats(folder) for folder in folders]), as_json)


@evaluate.command()
@click.argument("task", required=False)
@json_option
def tasks(task: str | None, as_json: bool) -> None:
    """List the tasks, or show the card of TASK: what it measures, its data, licence and known defects."""
    from ragqa.evaluate.tasks.card import load_card
    from ragqa.evaluate.tasks.registry import task_names

    cards = {name: load_card(name) for name in ([task] if task else task_names())}
    if as_json:
        show.json_document(cards)
    elif task:
        eval_show.card(cards[task])
    else:
        show.table(
            ["task", "title", "official measure"], [[name, c.title, c.official_measure] for name, c in cards.items()]
        )


@evaluate.command()
@click.argument("task")
@click.option("--part", default="", help="One data set of a task that has several, for example scifact of beir.")
@json_option
def fetch(task: str, part: str, as_json: bool) -> None:
    """Fetch TASK's public data (checked, resumed), or tell the steps where registration is needed."""
    from ragqa.evaluate.tasks.card import fetch_task

    show.tell_more()
    with show.progress_bars() as progress:
        paths = fetch_task(task, part, progress)
    if as_json:
        show.json_document({"paths": [str(path) for path in paths]})
        return
    for path in paths:
        show.line(f"Fetched: {path}")


@evaluate.command()
@click.argument("original", metavar="RUN")
@click.argument("perturbed", nargs=-1, required=True, metavar="PERTURBED …")
@click.option("--measure", default="", help="Default: the task's primary measure.")
@json_option
def robustness(original: str, perturbed: tuple[str, ...], measure: str, as_json: bool) -> None:
    """What perturbing the questions changes: runs with --perturb against the run without."""
    from ragqa.evaluate.compare.robustness import robustness as robustness_
    from ragqa.evaluate.runs.load import load_run

    asked = (measure,) if measure else ()
    found = robustness_(load_run(original, asked), [load_run(name, asked) for name in perturbed], measure)
    eval_show.robust(found, as_json)


@evaluate.command()
@click.argument("run_name", metavar="RUN")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["trec", "bioasq", "biogen", "browsecomp-plus", "pubmedqa", "mirage"]),
    required=True,
)
@click.option(
    "--out", type=_PATH, help="File (mirage, browsecomp-plus: folder) to write; default: in the run's folder."
)
@json_option
def export(run_name: str, format_name: Any, out: Path | None, as_json: bool) -> None:
    """Write a run for another program: trec_eval, BioASQ's, BioGen's, BrowseComp-Plus', PubMedQA's or MIRAGE's."""
    from ragqa.evaluate.runs.export import export_run
    from ragqa.evaluate.runs.load import load_run

    exported = export_run(load_run(run_name).path, format_name, out)
    if as_json:
        show.json_document({"path": str(exported.path), "notes": exported.notes})
        return
    for note in exported.notes:
        show.line(f"Note: {note}")
    show.line(f"Written: {exported.path}")


@evaluate.command()
@click.argument("grid")
@click.option("--task", default="sample", show_default=True, help="What the cells are judged by.")
@click.option("--data", type=_PATH, help="The task's file or folder.")
@click.option("--split", help="Part of the data.")
@click.option("--setting", help="The rules, where a task has several.")
@click.option("--corpus", help="A built corpus; default: the task's own.")
@set_option
@click.option("--with", "changes", multiple=True, metavar="KEY=VALUE", help="Change the ablation file's own keys.")
@click.option("--out", type=_PATH, help="The folder; default: eval/runs/ablate-….")
@click.option("--limit", type=int, help="Only the first so many questions.")
@click.option("--retry-failed", is_flag=True, help="Ask again what ended in an error.")
@ray_option
@json_option
def ablate(grid: str, changes: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Run every cell of GRID (eval/ablations/GRID.toml or a path) and write a report.

    What cells have in common is computed once.
    """
    from ragqa.evaluate.compare.ablate import ablate as ablate_
    from ragqa.evaluate.report.page import write_report
    from ragqa.evaluate.runs.request import Request

    show.tell_more()
    with show.progress_bars() as progress, eval_show.question_bar() as on_question:
        path, result = ablate_(grid, Request(**options), changes, progress, on_question)
    write_report([path], path)
    eval_show.ablation(path, result, as_json)


@evaluate.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN …")
@click.option("--out", type=_PATH, help="Folder of the report; default: that of the first run or ablation.")
@click.option("--measure", "measures", multiple=True, help="A column, for example nDCG@20 (repeatable).")
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "latex", "csv"]),
    default="html",
    show_default=True,
    help="A page, or its tables alone for papers and spreadsheets.",
)
@json_option
def report(runs: tuple[str, ...], out: Path | None, measures: tuple[str, ...], form: Any, as_json: bool) -> None:
    """Write a page (HTML, Markdown) on runs and ablations: tables, tests, plots, failures, provenance."""
    from ragqa.evaluate.report.export import write_tables
    from ragqa.evaluate.report.model import folder_of
    from ragqa.evaluate.report.page import write_report

    if form != "html":
        paths = write_tables(runs, out or folder_of(runs[0]), form, measures)
        if as_json:
            show.json_document({"tables": [str(path) for path in paths]})
            return
        for path in paths:
            show.line(f"Written: {path}")
        return
    page, text = write_report(runs, out or folder_of(runs[0]), measures)
    if as_json:
        show.json_document({"html": str(page), "markdown": str(text)})
        return
    show.line(f"Written: {page}")
    show.line(f"Written: {text}")
