"""Prompts are files: found, filled in, and hashed, so that a result can name the very words that led to it."""

import functools
import hashlib
import importlib.resources
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ragqa.errors import UsageError, nearest

_PLACE = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompts of a package (its folder ``prompts/``), of which a user's folder may replace some.

    Attributes
    ----------
    package
        For example ``ragqa.answer``.
    folder
        A folder with files of the same names; "" for none.
    """

    package: str
    folder: str = ""

    def text(self, name: str) -> str:
        """The prompt ``name`` (a file name without ``.txt``) as it is written.

        Raises
        ------
        UsageError
            There is no such prompt, or the user's folder does not exist.
        """
        return _read(self.package, self.folder, name)

    def fill(self, name: str, **values: str) -> str:
        """The prompt with each ``{{place}}`` filled in; nothing inside a value is taken for a place.

        Raises
        ------
        UsageError
            The prompt has a place that it is given no value for.
        """

        def value(match: re.Match[str]) -> str:
            if match[1] not in values:
                raise UsageError(f"the prompt {name!r} has a place {match[0]}; {nearest(match[1], values)}")
            return values[match[1]]

        return _PLACE.sub(value, self.text(name))

    def hashes(self) -> Mapping[str, str]:
        """sha256 of every prompt in force, by name."""
        return {name: hashlib.sha256(self.text(name).encode()).hexdigest() for name in _names(self.package)}


@functools.lru_cache(maxsize=256)
def _read(package: str, folder: str, name: str) -> str:
    if folder:
        own = Path(folder)
        if not own.is_dir():
            raise UsageError(f"answer.chat.prompts = {folder!r} is not a folder")
        if (own / f"{name}.txt").is_file():
            return (own / f"{name}.txt").read_text(encoding="utf-8").strip()
    path = importlib.resources.files(package).joinpath("prompts", f"{name}.txt")
    if not path.is_file():
        raise UsageError(f"there is no prompt {name!r}; {nearest(name, _names(package))}")
    return path.read_text(encoding="utf-8").strip()


@functools.cache
def _names(package: str) -> tuple[str, ...]:
    files = importlib.resources.files(package).joinpath("prompts").iterdir()
    return tuple(sorted(file.name.removesuffix(".txt") for file in files if file.name.endswith(".txt")))
