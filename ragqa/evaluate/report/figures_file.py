"""Files of figures under ``eval/``: the user's own, or the one that comes with ragqa."""

import tomllib
from typing import TypeVar

from ragqa.errors import RecipeError
from ragqa.home import home, shipped
from ragqa.recipe import from_table

T = TypeVar("T")


def read_figures(file_name: str, kind: type[T]) -> list[T]:
    """The entries ``[[figures]]`` of ``eval/FILE_NAME``, each as a ``kind``.

    Raises
    ------
    RecipeError
        The file is not TOML, or has an unknown or malformed key.
    """
    own = home() / "eval" / file_name
    path = own if own.is_file() else shipped() / "eval" / file_name
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("figures", [])
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"cannot read the figures {path}: {error}") from error
    return [from_table(row, kind, f"{path}, figure {number}") for number, row in enumerate(rows, start=1)]
