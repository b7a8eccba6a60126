"""``ragqa eval rewrite``: questions put otherwise by a language model."""

from pathlib import Path
from typing import Any

import click

from ragqa.cli import show
from ragqa.cli.options import json_option


@click.command("rewrite")
@click.argument("task")
@click.option("--manner", type=click.Choice(["paraphrase", "distract"]), required=True)
@click.option("--endpoint", required=True, help="An OpenAI-compatible server, for example http://127.0.0.1:8001/v1.")
@click.option("--model", default="", help="Its name there; default: the only one.")
@click.option("--key-variable", default="", help="The environment variable that holds the key.")
@click.option("--temperature", default=0.0, show_default=True, help="0 takes the likeliest words.")
@click.option("--data", type=click.Path(path_type=Path), help="The task's file or folder.")
@click.option("--split", help="Part of the data; each task has its default.")
@click.option("--setting", help="The rules, where a task has several.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first so many questions.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A .jsonl file; one begun is gone on with.")
@json_option
def rewrite(task: str, manner: Any, limit: int | None, out: Path, as_json: bool, **options: Any) -> None:
    """Have a language model put TASK's questions otherwise (OUT is for: eval run --perturb OUT).

    paraphrase keeps the meaning in other words; distract adds a detail that must not change the answer. Each line of
    OUT has id, original and text, so that a file can be written by hand, too.
    """
    from ragqa.evaluate.runs.rewriting import rewrite as rewrite_
    from ragqa.evaluate.tasks.registry import load_tasks
    from ragqa.recipe import EndpointSettings

    show.tell_more()
    endpoint = EndpointSettings(
        options.pop("endpoint"),
        model=options.pop("model"),
        api_key_variable=options.pop("key_variable"),
        temperature=options.pop("temperature"),
        max_tokens=512,
    )
    questions = [question for one in load_tasks(task, **options) for question in one.questions[:limit]]
    with show.progress_bars() as progress:
        found = rewrite_(questions, manner, endpoint, out, progress)
    if as_json:
        show.json_document(found)
        return
    show.line(f"{found.n_changed} of {found.n_questions} questions are put otherwise ({found.n_before} were before)")
    for problem, number in found.problems.items():
        show.line(f"{number} stay as they are: {problem}")
    show.line(f"Written: {found.path}. Next: ragqa eval run {task} … --perturb {found.path}")
