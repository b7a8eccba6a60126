"""Where recipes are found and products land.

``RAGQA_HOME`` (else the current folder) holds ``corpora/``, ``indexes/`` and ``eval/``. A recipe is looked up
there first and then among those that come with ragqa.
"""

import os
from pathlib import Path

from ragqa.errors import UsageError, nearest

_CODE = Path(__file__).resolve().parent


def home() -> Path:
    """The folder under which products land: ``RAGQA_HOME``, else the current folder."""
    return Path(os.environ.get("RAGQA_HOME") or Path.cwd()).absolute()


def shipped() -> Path:
    """The folder with the recipes that come with ragqa: inside the wheel, or the checkout itself."""
    packaged = _CODE / "_shipped"
    return packaged if packaged.is_dir() else _CODE.parent


def recipe_path(kind: str, name: str) -> Path:
    """The recipe called ``name`` among ``kind`` (``corpora``, ``indexes``, ``eval/tasks`` …), or a path to one.

    Raises
    ------
    UsageError
        There is none; the message names the nearest.
    """
    if name.endswith(".toml"):
        if Path(name).is_file():
            return Path(name).absolute()
        raise UsageError(f"there is no recipe file {name!r}")
    for folder in (home() / kind, shipped() / kind):
        path = folder / f"{name}.toml"
        if path.is_file():
            return path
    raise UsageError(f"there is no recipe {name!r} under {kind}/; {nearest(name, recipe_names(kind))}")


def recipe_names(kind: str) -> list[str]:
    """Names of all recipes of a kind, the user's and those that come with ragqa."""
    folders = (home() / kind, shipped() / kind)
    return sorted({path.stem for folder in folders for path in folder.glob("*.toml")})


def product_path(kind: str, name: str) -> Path:
    """The folder where the product ``name`` of a kind (``corpora``, ``indexes``) lands; it need not exist.

    Raises
    ------
    UsageError
        The name cannot be a folder name.
    """
    if not name or name.startswith(".") or any(sign in name for sign in "/\\\0") or len(name) > 100:
        raise UsageError(f"{name[:100]!r} is not a name; use letters, digits, '-', '_' and '.', at most 100 characters")
    return home() / kind / name
