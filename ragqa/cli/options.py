"""Options that several commands share."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from ragqa.types import Filter

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")
set_option = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="TABLE.KEY=VALUE",
    help="Override a setting of the recipe (repeatable).",
)
merge_option = click.option(
    "--merge", is_flag=True, help="Put the index into one segment, without documents that are gone."
)
ray_option = click.option(
    "--ray", "ray_address", metavar="ADDRESS", help="On the Ray cluster at HOST:PORT; 'local' starts one here."
)
mirror_option = click.option(
    "--mirror", default="", metavar="URL_OR_FOLDER", help="Fetch from here: a copy of NLM's baseline/ and updatefiles/."
)
index_option = click.option("--index", "index_name", default="sample", show_default=True, help="Which index to search.")

_UNITS = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def size(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | None:
    """Bytes of a size as an option gives it: ``512m``, ``1.5g``, ``4GB``.

    Raises
    ------
    click.BadParameter
        It is no size.
    """
    if value is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt])b?", value.strip().lower())
    n_bytes = round(float(found[1]) * _UNITS[found[2]]) if found else 0
    if not n_bytes:
        raise click.BadParameter(f"{value!r} is no size; write a number and a unit, for example 512m or 4g")
    return n_bytes


memory_option = click.option(
    "--memory",
    "memory_bytes",
    callback=size,
    metavar="SIZE",
    help="The most memory that indexing may take (4g, 900m); default: what is free.",
)

_FILTERS = (
    click.option("--year-from", type=int, help="Published in this year or later."),
    click.option("--year-to", type=int, help="Published in this year or earlier."),
    click.option(
        "--publication-type", "publication_types", multiple=True, help="Name or UI (repeatable: any of them)."
    ),
    click.option("--mesh", multiple=True, help="MeSH heading or UI, with its narrower headings (repeatable)."),
    click.option("--journal", "journals", multiple=True, help="Journal title (repeatable)."),
    click.option(
        "--language", "languages", multiple=True, help="Code or name, for example eng or German (repeatable)."
    ),
    click.option("--chemical", "chemicals", multiple=True, help="Substance, its UI or registry number (repeatable)."),
    click.option("--supplementary-concept", "supplementary_concepts", multiple=True, help="Name or UI (repeatable)."),
    click.option("--accession", "accessions", multiple=True, help="Number of a trial or data bank (repeatable)."),
    click.option("--has-abstract", is_flag=True, help="Only records with an abstract."),
    click.option("--not-retracted", is_flag=True, help="No retracted publications."),
)


def filter_options(command: F) -> F:
    """Add the filter options to a command; it gets them as keyword arguments for :func:`filter_of`."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


def filter_of(options: dict[str, Any]) -> Filter:
    """The filter that the options of :func:`filter_options` describe."""
    return Filter(**options)
