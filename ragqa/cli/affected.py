"""``ragqa affected``: past answers that rest on what is now retracted or gone."""

from pathlib import Path

import click

from ragqa.cli import show
from ragqa.cli.options import index_option, json_option


@click.command()
@click.argument("path", metavar="RUN_OR_FOLDER", type=click.Path(path_type=Path))
@index_option
@json_option
def affected(path: Path, index_name: str, as_json: bool) -> None:
    """Which answers of a run, a folder or an audit file cite what is now retracted, deleted or under concern."""
    from ragqa import products
    from ragqa.render.counted import counted
    from ragqa.watch.affected import affected as find

    corpus = products.index_manifest(index_name).inputs["corpus"]
    with products.open_store(corpus) as store:
        report = find(path, store, index_name)
    if as_json:
        show.json_document(report)
        return
    if report.affected:
        headers = ["status", "article", "title", "answer", "file"]
        rows = [
            [one.status, one.document_id, one.title, one.what, f"{one.file}:{one.place}"] for one in report.affected
        ]
        show.table(headers, rows)
    n_answers = len({(one.file, one.place, one.what) for one in report.affected})
    of_all = counted(report.n_answers, "answer")
    click.echo(f"ragqa: {n_answers:,} of {of_all} {'is' if n_answers == 1 else 'are'} affected", err=True)
    if report.n_unreadable:
        lines = counted(report.n_unreadable, "line is not JSON and was", "lines are not JSON and were")
        click.echo(f"ragqa: {lines} passed over", err=True)
