"""Every measure by its name: direction, bounds, cut-off and denominator, declared in one place.

The modules beside this one declare their measures in a tuple ``DECLARATIONS``. Another package declares those of its
own tasks with an entry point in the group ``ragqa.measures`` that names such a tuple.
"""

from collections.abc import Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module, metadata

from ragqa.errors import BackendError, UsageError, nearest
from ragqa.evaluate.measures.measure import Declaration, mean_of_ratios
from ragqa.evaluate.measures.retrieval import declared_retrieval

GROUP = "ragqa.measures"
_MODULES = (
    "abstention",
    "bioasq.documents",
    "bioasq.exact",
    "bioasq.snippets",
    "calibration",
    "choices",
    "citations",
    "confidence",
    "facts",
    "grounding",
    "labels",
    "rationale",
    "rouge",
    "searching",
    "short_answers",
    "verification",
)
MEAN_OVER_SETS = "mean_"


@cache
def declarations() -> dict[str, Declaration]:
    """Every declared measure and family by name; those of ranked lists are understood besides, by their syntax.

    Raises
    ------
    BackendError
        The package that declares measures does not load.
    """
    found: dict[str, Declaration] = {}
    for module in _MODULES:
        _add(found, import_module(f"ragqa.evaluate.measures.{module}").DECLARATIONS, module)
    for point in metadata.entry_points(group=GROUP):
        try:
            _add(found, point.load(), point.value)
        except (ImportError, AttributeError) as error:
            raise BackendError(f"the measures {point.name!r} of {point.value} do not load: {error}") from error
    return found


def declared(name: str) -> Declaration:
    """What is declared of the measure ``name``, under this very name.

    Parameters
    ----------
    name
        A declared name, one of a declared family, a retrieval measure in the syntax of ir_measures, or one of these
        with ``mean_`` before it (the unweighted mean over several sets).

    Raises
    ------
    UsageError
        Nobody declares it; the nearest is named.

    >>> declared("brier").higher_is_better, declared("nDCG@10").cutoff, declared("mean_accuracy_medqa").high
    (False, 10, 1.0)
    """
    found = _find(name)
    if found is None and name.startswith(MEAN_OVER_SETS):
        found = _find(name.removeprefix(MEAN_OVER_SETS))
        found = (
            replace(found, denominator="all sets, equally", is_proportion=False, combine=mean_of_ratios)
            if found
            else None
        )
    if found is None:
        raise UsageError(f"no measure {name!r} is declared; {nearest(name, declarations())}")
    return replace(found, name=name)


def _find(name: str) -> Declaration | None:
    known = declarations()
    if name in known:
        return known[name]
    families = [one for one in known if "*" in one and fnmatchcase(name, one.replace("[", "[[]"))]
    # The most particular family, should several fit.
    return known[max(families, key=len)] if families else declared_retrieval(name)


def _add(found: dict[str, Declaration], new: Iterable[Declaration], origin: str) -> None:
    for one in new:
        if found.setdefault(one.name, one) != one:
            raise BackendError(f"{origin} declares the measure {one.name!r} again, and otherwise; give it another name")
