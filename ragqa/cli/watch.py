"""``ragqa watch …``: keep answers true when the literature changes."""

from typing import TYPE_CHECKING

import click

from ragqa.cli import show
from ragqa.cli.options import index_option, json_option, set_option

if TYPE_CHECKING:
    from ragqa.watch.run import RunReport
    from ragqa.watch.types import Item


@click.group()
def watch() -> None:
    """Watch questions, claims, texts and answers, and be told when the literature on them changes."""


@watch.command()
@click.argument("given", metavar="QUESTION|FILE")
@index_option
@json_option
def add(given: str, index_name: str, as_json: bool) -> None:
    """Watch a question, a claim (a sentence with a full stop), a text, or the JSON of an answer or a checked text."""
    import ragqa
    from ragqa.watch.add import add as add_item

    with ragqa.open(index_name) as engine:
        item = add_item(engine, given)
    if as_json:
        show.json_document(item)
        return
    show.line(f"{item.id}: {item.title}")
    for finding in item.findings:
        if finding.verdict:
            show.line(f"  {finding.subject}: {finding.verdict.replace('_', ' ')}")


@watch.command("list")
@click.option("--index", "index_name", help="Of this index alone.")
@json_option
def list_(index_name: str | None, as_json: bool) -> None:
    """List what is watched, and digests of which it is unknown whether they arrived."""
    from ragqa.watch import items, outbox

    found, unsure = items.read_all(index_name), outbox.uncertain()
    if as_json:
        show.json_document({"items": found, "uncertain": unsure})
        return
    rows = [[item.id, item.index, item.kind, _verdicts(item), item.serial, item.title] for item in found]
    show.table(["id", "index", "kind", "verdict", "alerts", "what"], rows)
    for one in unsure:
        click.echo(f"ragqa: uncertain: the digest {one.id} by {one.channel}: {one.message}", err=True)


@watch.command()
@click.argument("item_id", metavar="ID")
def remove(item_id: str) -> None:
    """Watch the item ID (or the only one that begins so) no longer."""
    from ragqa.watch import items

    item = items.remove(item_id)
    show.line(f"{item.id} is watched no longer: {item.title}")


@watch.command()
@click.option("--index", "index_name", help="Look at this index alone.")
@click.option("--send-again", is_flag=True, help="Send digests once more of which it is unknown whether they arrived.")
@set_option
@json_option
def run(index_name: str | None, send_again: bool, overrides: tuple[str, ...], as_json: bool) -> None:
    """Ask again what new, changed and deleted articles may concern, and send what changed."""
    from ragqa.watch import outbox, settings
    from ragqa.watch.run import run as run_watch

    show.tell_more()
    in_force = settings.load(overrides)
    if send_again:
        outbox.send_again()
    with show.progress_bars() as progress:
        report = run_watch(index_name, in_force, progress)
    if as_json:
        show.json_document(report)
    else:
        show_report(report)
    if report.failures:
        click.get_current_context().exit(1)


def show_report(report: "RunReport") -> None:
    """What a run did: each change on stdout, and on stderr what could not be sent."""
    from ragqa.render.counted import counted

    new = counted(report.n_new_documents, "new document")
    show.line(f"{report.n_items:,} watched, {new}, {report.n_asked:,} asked again")
    for alert in report.alerts:
        show.line(f"\n{alert.item.title}", "bold")
        for change in alert.changes:
            article = f" {change.document_id} {change.title}" if change.document_id else ""
            subject = f"{change.subject}: " if change.subject != alert.item.title else ""
            show.line(f"- {subject}{change.message}{article}")
    for one in report.deliveries:
        if one.status == "sent":
            show.line(f"\nsent by {one.channel}: {counted(len(one.alerts), 'alert')} to {one.message}")
        else:
            click.echo(f"ragqa: {one.status}: the digest {one.id} by {one.channel}: {one.message}", err=True)
    for index, why in report.failures.items():
        click.echo(f"ragqa: what is watched in {index!r} was not looked at: {why}", err=True)


def _verdicts(item: "Item") -> str:
    names = [finding.verdict.replace("_", " ") for finding in item.findings if finding.verdict]
    return names[0] if len(names) == 1 else ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names))
