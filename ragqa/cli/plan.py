"""``ragqa plan``: what a corpus takes on a fleet of machines, before anything is started."""

from typing import TYPE_CHECKING, cast

import click

from ragqa.cli import show
from ragqa.cli.options import json_option

if TYPE_CHECKING:
    from ragqa.index.faiss_kinds import Kind
    from ragqa.plan.costs import EncoderKind

_KINDS = ("auto", "flat", "hnsw", "ivf-sq8", "ivf-pq", "ivf-pq-small")


@click.command()
@click.option("--documents", type=int, required=True, help="How many articles.")
@click.option("--machines", type=int, default=1, show_default=True, help="Equal machines, each serving a shard.")
@click.option("--memory", type=float, required=True, metavar="GIB", help="Of each machine.")
@click.option("--cores", type=int, default=4, show_default=True, help="Of each machine.")
@click.option("--disk", type=float, default=0.0, metavar="GIB", help="Of each machine; 0 leaves it unchecked.")
@click.option(
    "--encoder",
    type=click.Choice(["transformer", "static", "none"]),
    default="transformer",
    show_default=True,
    help="What makes vectors (minilm-l6 on processors, or the static encoder); none: BM25 alone.",
)
@click.option("--faiss", type=click.Choice(_KINDS), default="auto", show_default=True, help="Kind of FAISS index.")
@json_option
def plan(  # noqa: PLR0917 (one for each option)
    documents: int, machines: int, memory: float, cores: int, disk: float, encoder: str, faiss: str, as_json: bool
) -> None:
    """Tell what a corpus takes on a fleet: memory, disk, hours, latency; refuse what cannot fit, and say what would."""
    from ragqa.plan.plan import Fleet, Wanted
    from ragqa.plan.plan import plan as made

    wanted = Wanted(
        documents,
        None if encoder == "none" else cast("EncoderKind", encoder),
        None if faiss == "auto" else cast("Kind", faiss),
    )
    found = made(Fleet(machines, memory, cores, disk), wanted)
    if as_json:
        show.json_document(found)
        return
    rows = [
        ("FAISS", found.wanted.kind or "none"),
        ("memory to build, on one machine", f"{found.build_memory_gib:g} GiB"),
        ("memory to serve, on each machine", f"{found.serve_memory_gib:g} GiB"),
        ("disk of the machine that builds", f"{found.head_disk_gib:g} GiB"),
        ("disk of each other machine", f"{found.shard_disk_gib:g} GiB"),
        *((f"hours: {name}", f"{hours:g}") for name, hours in found.build_hours.items()),
        ("hours in all", f"{sum(found.build_hours.values()):.3g}"),
        ("one search, p50", f"{found.p50_ms:g} ms"),
        ("one search, p99", f"{found.p99_ms:g} ms"),
    ]
    show.table(["", f"{documents:,} documents on {machines} × {memory:g} GiB"], rows)
    if found.beyond_measured > 1:
        show.line(f"{found.beyond_measured:g} times the largest corpus that was measured: orders of magnitude")
