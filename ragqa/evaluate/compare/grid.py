"""Ablation files: a base recipe and axes of overrides → the cells of a table.

An axis is a table of levels, a level a table of settings in the form of a recipe::

    description = "What fusion adds"
    base = "default"
    mode = "grid"                      # every combination; "one-at-a-time": the first levels, and each other one alone

    [settings.rerank]                  # for every cell
    reranker = "none"

    [axes.retriever.BM25.retrieve]
    retrievers = ["bm25"]

    [axes.retriever.convex.retrieve]
    fusion = "convex"

    [axes.retriever.convex.tune]       # chosen on development questions, reported on the others
    "retrieve.dense_weight" = [0.3, 0.5, 0.7]
"""

import itertools
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from ragqa import home, recipe
from ragqa.errors import RecipeError
from ragqa.recipe import PositiveInt, Recipe

FOLDER = "eval/ablations"
_TUNE = "tune"
_WHOLE = frozenset({"bm25.fields"})
"""Tables that are values: setting one replaces it."""

_MAX_CELLS = 2000
Settings = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ablation:
    """An ablation file.

    Attributes
    ----------
    base
        The recipe that every cell starts from.
    mode
        ``grid``: every combination of levels. ``one-at-a-time``: the first level of every axis (the baseline), and
        each other level with the rest at the baseline.
    settings
        Settings of every cell.
    axes
        Axis → level → settings, the baseline first; ``tune`` in a level maps a setting to the values to choose from.
    measures
        What the table shows first; empty: the task's primary measure.
    development
        Share of the questions that tuned settings are chosen on; the others are reported.
    batch
        Questions that go through the stages together; 1 makes the times latencies.
    n_hits
        Hits that are kept of each question.
    against
        The setting whose value is the x-axis of a plot, for example ``retrieve.depth``; "" for none.
    limit
        Only the first so many questions; 0: all.
    """

    axes: dict[str, dict[str, Settings]]
    description: str = ""
    base: str = "default"
    mode: Literal["grid", "one-at-a-time"] = "grid"
    settings: Settings = field(default_factory=dict)
    measures: tuple[str, ...] = ()
    development: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5
    batch: PositiveInt = 256
    n_hits: PositiveInt = 100
    against: str = ""
    limit: Annotated[int, msgspec.Meta(ge=0)] = 0


@dataclass(frozen=True, slots=True)
class Variant:
    """One pipeline: the overrides that make it of the base recipe, and the tuned values among them."""

    overrides: tuple[str, ...]
    tuned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A row of the table: its levels by axis, and its variants, of which one is chosen (most cells have one)."""

    levels: tuple[tuple[str, str], ...]
    variants: tuple[Variant, ...]

    @property
    def name(self) -> str:
        """The levels in one line."""
        return ", ".join(level for _, level in self.levels)


def load_ablation(name: str, overrides: Sequence[str] = ()) -> Ablation:
    """Read the ablation ``name`` under ``eval/ablations``, or a path to one.

    Raises
    ------
    UsageError
        There is none; the nearest is named.
    RecipeError
        A key or value is unknown, an axis has no level, or a setting is none of a recipe.
    """
    path = home.recipe_path(FOLDER, name)
    ablation = recipe.load(path, Ablation, overrides)
    if not ablation.axes or not all(ablation.axes.values()):
        raise RecipeError(f"{path} has no axes, or an axis without levels; write [axes.AXIS.LEVEL.TABLE]")
    check_cells(ablation, path)
    return ablation


def cells(ablation: Ablation) -> list[Cell]:
    """The cells in order, the baseline first."""
    axes = list(ablation.axes.items())
    if ablation.mode == "grid":
        chosen = list(itertools.product(*(levels for _, levels in axes)))
    else:
        baseline = tuple(next(iter(levels)) for _, levels in axes)
        chosen = [baseline]
        for place, (_, levels) in enumerate(axes):
            chosen += [(*baseline[:place], level, *baseline[place + 1 :]) for level in list(levels)[1:]]
    return [_cell(ablation, [(axis, level) for (axis, _), level in zip(axes, one, strict=True)]) for one in chosen]


def value_of(settings: Mapping[str, Any], key: str) -> Any:
    """The value of ``table.key`` in a recipe as a table; None where there is none."""
    value: Any = settings
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def check_cells(ablation: Ablation, path: Path) -> None:
    """Refuse an ablation with a cell that is no recipe.

    Raises
    ------
    RecipeError
        A setting is unknown or has a value that is not allowed, or there are over 2,000 pipelines.
    """
    base = tomllib.loads(home.recipe_path("indexes", ablation.base).read_text(encoding="utf-8"))
    found = cells(ablation)
    n_pipelines = sum(len(cell.variants) for cell in found)
    if n_pipelines > _MAX_CELLS:
        raise RecipeError(
            f"{path} asks for {n_pipelines:,} pipelines; at most {_MAX_CELLS:,} are allowed: use fewer levels"
        )
    for cell in found:
        for variant in cell.variants:
            recipe.from_table(recipe.override(base, variant.overrides), Recipe, f"{path}, {cell.name}")


def _cell(ablation: Ablation, levels: Sequence[tuple[str, str]]) -> Cell:
    overrides = _flat(ablation.settings)
    choices: dict[str, list[Any]] = {}
    for axis, level in levels:
        settings = dict(ablation.axes[axis][level])
        tune = settings.pop(_TUNE, {})
        overrides |= _flat(settings)
        choices.update(_checked_tune(tune, f"{axis}.{level}"))
    variants = []
    for values in itertools.product(*choices.values()):
        tuned = dict(zip(choices, values, strict=True))
        written = tuple(f"{key}={_literal(value)}" for key, value in {**overrides, **tuned}.items())
        variants.append(Variant(written, tuple(f"{key}={_literal(value)}" for key, value in tuned.items())))
    return Cell(tuple(levels), tuple(variants))


def _checked_tune(tune: Any, place: str) -> dict[str, list[Any]]:
    flat = _flat(tune) if isinstance(tune, Mapping) else None
    if flat is None or not all(isinstance(values, list) and values for values in flat.values()):
        raise RecipeError(f'axes.{place}.tune must map settings to lists of values, as "bm25.k1" = [0.9, 1.2]')
    return flat


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        place = f"{prefix}{key}"
        if isinstance(value, Mapping) and place not in _WHOLE:
            flat |= _flat(value, f"{place}.")
        else:
            flat[place] = value
    return flat


def _literal(value: Any) -> str:
    """A value as TOML writes it.

    >>> _literal({"title": 2.0, "abstract": 1.0}), _literal(["bm25"]), _literal(True)
    ('{"title" = 2.0, "abstract" = 1.0}', '["bm25"]', 'true')
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {_literal(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
