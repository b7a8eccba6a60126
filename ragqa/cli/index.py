"""``ragqa index …``: build, update, push, pull, verify, info."""

import contextlib
from pathlib import Path
from typing import Any

import click

from ragqa.cli import show
from ragqa.cli.options import json_option, memory_option, merge_option, ray_option, set_option
from ragqa.cli.priority import give_way
from ragqa.errors import ProductError


@click.group()
def index() -> None:
    """How it is searched: make and inspect indexes."""


@index.command()
@click.argument("name")
@click.option("--recipe", "recipe_name", help="A recipe under indexes/ or a path; default: NAME's own, else 'default'.")
@click.option("--corpus", "corpus_name", help="The corpus; default: the recipe's, else the one called NAME.")
@click.option(
    "--vectors",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Vectors that exist already: NCBI's files of MedCPT's, or ids.json and a matrix .npy.",
)
@memory_option
@set_option
@merge_option
@ray_option
@json_option
def build(  # noqa: PLR0917 (one for each option)
    name: str,
    recipe_name: str | None,
    corpus_name: str | None,
    vectors: Path | None,
    memory_bytes: int | None,
    overrides: tuple[str, ...],
    merge: bool,
    ray_address: str | None,
    as_json: bool,
) -> None:
    """Build the index NAME (and its corpus, where that is not built yet); finished components are kept."""
    from ragqa import products

    show.tell_more()
    with show.progress_bars() as progress, contextlib.ExitStack() as connection:
        ahead = tasks = None
        if ray_address is not None:
            from ragqa import home
            from ragqa.ray.encode import EncodeOnRay
            from ragqa.ray.tasks import fleet

            nodes, tasks = connection.enter_context(fleet(ray_address, home.home()))
            ahead = EncodeOnRay(nodes)
        manifest = products.build_index(
            name,
            recipe_name,
            corpus_name,
            overrides,
            progress,
            merge=merge,
            vectors=vectors,
            ahead=ahead,
            memory_bytes=memory_bytes,
            tasks=tasks,
        )
    _show_manifest(manifest, as_json)


@index.command()
@click.argument("name")
@merge_option
@memory_option
@json_option
def update(name: str, merge: bool, memory_bytes: int | None, as_json: bool) -> None:
    """Bring the index NAME up to the state of its corpus, with the settings that it was built with.

    Only what is new is indexed and encoded; until the end, searches are answered from the state before.
    """
    from ragqa import products

    show.tell_more()
    give_way()
    with show.progress_bars() as progress:
        manifest = products.update_index(name, progress, merge=merge, memory_bytes=memory_bytes)
    _show_manifest(manifest, as_json)


@index.command()
@click.argument("name")
@click.argument("address")
@json_option
def push(name: str, address: str, as_json: bool) -> None:
    """Put the finished index NAME and its corpus into a store, such as s3://bucket/folder; what is there stays."""
    from ragqa.transfer import push_index

    with show.progress_bars() as progress:
        _show_transfer(push_index(name, address, progress), as_json)


@index.command()
@click.argument("name")
@click.argument("address")
@json_option
def pull(name: str, address: str, as_json: bool) -> None:
    """Bring the index NAME and its corpus from a store; only files that are missing here are fetched."""
    from ragqa.transfer import pull_index

    with show.progress_bars() as progress:
        _show_transfer(pull_index(name, address, progress), as_json)


@index.command()
@click.argument("name")
@json_option
def verify(name: str, as_json: bool) -> None:
    """Compare every file of the index NAME with the hash in its manifest."""
    from ragqa import products

    manifest, wrong = products.verify_index(name)
    if as_json:
        show.json_document({"name": name, "files": len(manifest.files), "wrong": wrong})
    if wrong:
        raise ProductError(
            f"{len(wrong)} files differ from the manifest: {', '.join(wrong)}; run: ragqa index build {name}"
        )
    if not as_json:
        show.line(f"{len(manifest.files)} files of the index {name!r} are as they were built")


@index.command()
@click.argument("name")
@json_option
def info(name: str, as_json: bool) -> None:
    """Show what the index NAME was made from, and how."""
    from ragqa import products

    _show_manifest(products.index_manifest(name), as_json)


def _show_transfer(report: Any, as_json: bool) -> None:
    if as_json:
        show.json_document(report)
        return
    show.line(f"{report.n_sent:,} of {report.n_files:,} files had to be sent, {report.n_bytes / 1e6:,.1f} MB")


def _show_manifest(manifest: Any, as_json: bool) -> None:
    if as_json:
        show.json_document(manifest)
        return
    rows: list[tuple[str, object]] = [
        ("name", manifest.name),
        ("corpus", f"{manifest.inputs['corpus']} (state {manifest.inputs['corpus_state'][:12]})"),
        ("documents", f"{manifest.counts['documents']:,}"),
        *((f"segments of {kind}", len(names)) for kind, names in manifest.counts["components"].items()),
        *_rows_of_vectors(manifest.counts.get("vectors")),
        ("created", manifest.created),
        *((f"seconds for {stage}", value) for stage, value in manifest.wall_seconds.items()),
        *((f"[{key}]", value) for key, value in manifest.recipe.items() if isinstance(value, dict)),
        ("files", len(manifest.files)),
    ]
    show.table(["what", "value"], rows, title=f"Index {manifest.name}")


def _rows_of_vectors(counts: dict[str, int] | None) -> list[tuple[str, object]]:
    """Where the vectors of the texts came from when the index was last built."""
    if not counts or not any(counts.values()):
        return []
    told = {
        "known before": counts["kept"],
        "taken from the folder": counts["given"],
        "encoded": counts["encoded"],
        "left out": counts["left_out"],
        "superseded in the folder": counts["superseded"],
    }
    return [("texts read for vectors", ", ".join(f"{number:,} {what}" for what, number in told.items() if number))]
