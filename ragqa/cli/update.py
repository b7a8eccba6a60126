"""``ragqa update``: one command that brings a corpus and its index up to date, for a daily timer."""

from typing import TYPE_CHECKING

import click

from ragqa.cli import show
from ragqa.cli.options import json_option, memory_option, merge_option, mirror_option

if TYPE_CHECKING:
    from ragqa.manifest import Manifest


@click.command()
@click.argument("name")
@merge_option
@mirror_option
@memory_option
@click.option("--watch/--no-watch", "look", default=True, help="Then look at what is watched in the index.")
@json_option
def update(  # noqa: PLR0917 (one for each option)
    name: str, merge: bool, mirror: str, memory_bytes: int | None, look: bool, as_json: bool
) -> None:
    """Fetch and read what came to the corpus of the index NAME, and index and encode it; searches go on meanwhile.

    Exits with 1, too, where the index is updated and what is watched in it could not be looked at.
    """
    from ragqa import products
    from ragqa.cli.priority import give_way
    from ragqa.cli.watch import show_report
    from ragqa.watch import folders

    show.tell_more()
    give_way()
    watch = None
    with show.progress_bars() as progress:
        corpus, index = products.update(name, progress, merge=merge, mirror=mirror, memory_bytes=memory_bytes)
        if look and folders.items_folder().is_dir():
            from ragqa.watch import settings
            from ragqa.watch.run import run

            watch = run(name, settings.load(), progress)
    if as_json:
        show.json_document({"corpus": corpus, "index": index, "watch": watch})
    else:
        _show(corpus, index)
        if watch is not None and (watch.n_items or watch.deliveries or watch.failures):
            show_report(watch)
    if watch is not None and watch.failures:
        raise click.exceptions.Exit(1)


def _show(corpus: "Manifest", index: "Manifest") -> None:
    total = corpus.counts["total"]
    show.line(f"{corpus.name}: {total['live']:,} documents, state {corpus.counts['state_hash'][:12]}")
    for kind, names in index.counts["components"].items():
        show.line(f"{index.name}: {kind} in {len(names)} parts, {index.wall_seconds[kind]:.1f} s")
