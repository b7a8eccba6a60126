"""``ragqa corpus …``: fetch, build, import, update, verify, info, show."""

import contextlib
from typing import Any

import click

from ragqa.cli import show
from ragqa.cli.options import json_option, mirror_option, ray_option, set_option
from ragqa.cli.priority import give_way
from ragqa.errors import ProductError


@click.group()
def corpus() -> None:
    """What can be searched: make and inspect corpora."""


@corpus.command()
@click.argument("name")
@mirror_option
@json_option
def fetch(name: str, mirror: str, as_json: bool) -> None:
    """Fetch the files that are new at the source of the corpus NAME (for example: pubmed); build it afterwards."""
    from ragqa import products

    show.tell_more()
    with show.progress_bars() as progress:
        report = products.fetch_corpus(name, mirror, progress)
    if as_json:
        show.json_document(report)
        return
    show.line(f"{len(report.new):,} new files; {report.n_files:,} in all, {report.n_bytes / 1e9:.3f} GB")
    show.line(f"build the corpus with: ragqa corpus build {name}")


@corpus.command()
@click.argument("name")
@set_option
@ray_option
@json_option
def build(name: str, overrides: tuple[str, ...], ray_address: str | None, as_json: bool) -> None:
    """Build the corpus NAME from its recipe corpora/NAME.toml; finished parts are kept."""
    from ragqa import products

    show.tell_more()
    with show.progress_bars() as progress, contextlib.ExitStack() as connection:
        tasks = None
        if ray_address is not None:
            from ragqa import home
            from ragqa.ray.tasks import fleet

            _, tasks = connection.enter_context(fleet(ray_address, home.home()))
        manifest = products.build_corpus(name, overrides, progress, tasks=tasks)
    _show_manifest(manifest, as_json)


@corpus.command("import")
@click.argument("name")
@click.argument("path")
@click.option("--format", "format_name", required=True, help="pubmed-xml, beir, jsonl, pubmedqa or browsecomp-plus.")
@json_option
def import_(name: str, path: str, format_name: str, as_json: bool) -> None:
    """Write the recipe corpora/NAME.toml for the files at PATH (or s3://…), and build it."""
    from ragqa import products

    show.tell_more()
    with show.progress_bars() as progress:
        manifest = products.import_corpus(name, path, format_name, progress)
    _show_manifest(manifest, as_json)


@corpus.command()
@click.argument("name")
@json_option
def update(name: str, as_json: bool) -> None:
    """Read the source files that came or changed since the corpus NAME was built."""
    from ragqa import products

    show.tell_more()
    give_way()
    with show.progress_bars() as progress:
        manifest = products.build_corpus(name, (), progress, thorough=False)
    _show_manifest(manifest, as_json)


@corpus.command()
@click.argument("name")
@json_option
def verify(name: str, as_json: bool) -> None:
    """Compare every file of the corpus NAME with its hash."""
    from ragqa import products

    wrong = products.verify_corpus(name)
    if as_json:
        show.json_document({"name": name, "wrong": wrong})
    if wrong:
        raise ProductError(f"{len(wrong)} files are damaged: {', '.join(wrong)}; run: ragqa corpus build {name}")
    if not as_json:
        show.line(f"all files of the corpus {name!r} are as they were built")


@corpus.command()
@click.argument("name")
@json_option
def info(name: str, as_json: bool) -> None:
    """Show the counts of the corpus NAME, file by file."""
    from ragqa import products

    _show_manifest(products.corpus_manifest(name), as_json)


@corpus.command("show")
@click.argument("name")
@click.argument("document_id", metavar="ID")
@json_option
def show_(name: str, document_id: str, as_json: bool) -> None:
    """Show one document of the corpus NAME."""
    from ragqa import products
    from ragqa.corpus.evidence import evidence_level

    with products.open_store(name) as store:
        document = store.get(document_id)
    if as_json:
        show.json_document(document)
        return
    facts = [
        ("id", document.id),
        ("version", document.version),
        ("journal", document.journal),
        ("volume", document.volume),
        ("issue", document.issue),
        ("pages", document.pages),
        ("date", document.date or document.year),
        ("authors", ", ".join(document.authors)),
        ("publication types", ", ".join(kind.name for kind in document.publication_types)),
        ("evidence level", evidence_level(document)),
        ("MeSH", ", ".join(heading.name + ("*" if heading.major else "") for heading in document.mesh)),
        ("supplementary concepts", ", ".join(concept.name for concept in document.supplementary_concepts)),
        ("chemicals", ", ".join(chemical.name for chemical in document.chemicals)),
        ("keywords", ", ".join(document.keywords)),
        ("accession numbers", ", ".join(f"{entry.bank} {entry.number}" for entry in document.accessions)),
        ("grants", ", ".join(" ".join(filter(None, (grant.number, grant.agency))) for grant in document.grants)),
        ("languages", ", ".join(document.languages)),
        ("DOI", document.doi),
        ("PMCID", document.pmcid),
        ("retracted", "yes" if document.retracted else ""),
        ("revised", document.revised),
        ("links", ", ".join(f"{link.kind} {link.document_id or link.citation}" for link in document.links)),
        ("source file", document.source),
    ]
    for name_, value in facts:
        if value:
            show.line(f"{name_}: {value}")
    for section in document.sections:
        show.line(f"\n[{section.name}] {section.label}", "bold")
        show.line(section.text)


def _show_manifest(manifest: Any, as_json: bool) -> None:
    if as_json:
        show.json_document(manifest)
        return
    counts = {**manifest.counts["sources"], "total": manifest.counts["total"]}
    keys = list(dict.fromkeys(key for source in counts.values() for key in source))
    rows = [[name, *(_cell(source.get(key, 0)) for key in keys)] for name, source in counts.items()]
    show.table(["file", *(key.replace("_", " ") for key in keys)], rows, title=f"Corpus {manifest.name}")


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{reason}: {n}" for reason, n in value.items()) or "0"
    if isinstance(value, list):
        return ", ".join(value) or "–"
    return f"{value:,}"
