"""The folder of an index: its manifest, and its components, which nothing ever changes once they are in place."""

import shutil
from pathlib import Path

from ragqa import manifest
from ragqa.errors import ProductError
from ragqa.index.segments import SEGMENT_FILE
from ragqa.manifest import Manifest

MANIFEST_FILE = "manifest.json"
HASHES_FILE = "component.json"
_KINDS = ("bm25", "encoder", "dense", "lexicon")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the index in ``folder``.

    Raises
    ------
    ProductError
        There is none, or it is damaged.
    """
    again = f"build the index with: ragqa index build {folder.name}"
    result = manifest.read_sealed(folder / MANIFEST_FILE, Manifest, again)
    if result.kind != "index":
        raise ProductError(f"{folder} is not an index but a product of kind {result.kind!r}; {again}")
    return result


def remedy(folder: Path) -> str:
    """The next step where a file of the index in ``folder`` is missing or damaged."""
    return f"build it again: ragqa index build {folder.name}"


def is_sound(component: Path) -> bool:
    """Whether every file of a component that is no segment is as it was built."""
    try:
        hashes = manifest.read_json(component / HASHES_FILE, dict[str, str], "it is built again")
    except ProductError:
        return False
    return not manifest.verify_files(component, hashes)


def remove_all_but(folder: Path, keep: set[str]) -> None:
    """Remove leftovers and the components that are no longer in force, unless a reader holds them."""
    manifest.remove_unfinished(folder)
    for path in folder.iterdir():
        if not path.is_dir() or path.name in keep or not path.name.startswith(tuple(f"{kind}-" for kind in _KINDS)):
            continue
        records = [path / record for record in (SEGMENT_FILE, HASHES_FILE) if (path / record).is_file()]
        if all(manifest.remove_unheld(record) for record in records):
            shutil.rmtree(path, ignore_errors=True)
