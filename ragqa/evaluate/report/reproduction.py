"""``ragqa eval reproduce``: each figure that is claimed, the command that makes it, what was expected, what came out.

After the two-click reproductions of Anserini and Pyserini (2CR). What is claimed stands in ``eval/reproductions.toml``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ragqa.errors import UsageError, nearest
from ragqa.evaluate.report.figures_file import read_figures
from ragqa.evaluate.report.templating import render
from ragqa.evaluate.runs.prepare import slug
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run
from ragqa.home import home
from ragqa.manifest import here_and_now, write_atomically, write_json
from ragqa.types import Progress

FIGURES_FILE = "reproductions.toml"
HTML_FILE, JSON_FILE = "reproduction.html", "reproduction.json"
Status = Literal["pass", "fail", "no data"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A figure that is claimed.

    Attributes
    ----------
    name
        What is measured, in words.
    task, data, split, setting, recipe, corpus, baseline, overrides, limit
        As ``ragqa eval run`` takes them; ``data`` is relative to the folder with the data sets.
    measure, expected
        The measure and its figure, to be met to the digits that it is given with.
    within
        How far the figure may be off nevertheless, for what depends on the processor: int8 models round otherwise on
        processors with other instructions.
    source
        Who published it; "" for a figure of ragqa's own.
    get
        How to get the data, where ``ragqa eval fetch TASK`` does not.
    """

    name: str
    task: str
    measure: str
    expected: str
    data: str = ""
    split: str = ""
    setting: str = ""
    recipe: str = ""
    corpus: str = ""
    baseline: str = ""
    overrides: tuple[str, ...] = ()
    limit: int = 0
    within: float = 0.0
    source: str = ""
    get: str = ""


@dataclass(frozen=True, slots=True)
class Reproduced:
    """A claim with what was measured; ``measured`` is None where the data is not there."""

    claim: Claim
    command: str
    status: Status
    measured: float | None
    interval: tuple[float, float] | None
    run: str


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What ``reproduction.json`` holds: every claim that was tried, and on what machine with what versions."""

    results: tuple[Reproduced, ...]
    revision: str
    created: str
    machine: str


def claims(names: Sequence[str] = ()) -> tuple[Claim, ...]:
    """The claims of the user's own ``eval/reproductions.toml`` or of the one that comes with ragqa, or some by name.

    Raises
    ------
    RecipeError
        The file is no TOML or has an unknown key.
    UsageError
        There is no claim of a name; the nearest is told.
    """
    known = {claim.name: claim for claim in read_figures(FIGURES_FILE, Claim)}
    for name in names:
        if name not in known:
            raise UsageError(f"no figure {name!r} is claimed in eval/{FIGURES_FILE}; {nearest(name, known)}")
    return tuple(known[name] for name in names) if names else tuple(known.values())


def reproduce(
    chosen: Sequence[Claim],
    data: Path | None,
    out: Path,
    progress: Progress | None = None,
    on_result: Callable[[Reproduced], None] | None = None,
) -> Reproduction:
    """Make every figure anew, and write ``reproduction.html`` and ``reproduction.json`` after each.

    Parameters
    ----------
    chosen
        The claims.
    data
        The folder with the data sets; None: where ``ragqa eval fetch`` puts them.
    out
        Folder of the page and of the runs.
    on_result
        Called with each result.
    """
    root = data or home() / "eval" / "data"
    here = here_and_now()
    machine = here["machine"]
    results: list[Reproduced] = []
    for claim in chosen:
        result = _reproduced(claim, root, out, progress)
        results.append(result)
        if on_result:
            on_result(result)
        found = Reproduction(
            tuple(results),
            here["revision"],
            here["created"],
            f"{machine.processor}, {machine.n_cores} cores, {machine.system}, Python {machine.python}",
        )
        write_json(out / JSON_FILE, found)
        write_atomically(out / HTML_FILE, render("reproduction.html", found=found))
    return found


def command_of(claim: Claim, root: str = "DATA") -> str:
    """The command that makes the figure.

    >>> command_of(Claim("x", "beir", "nDCG@10", "0.6789", data="beir/scifact", recipe="bm25-anserini"))
    'ragqa eval run beir --data DATA/beir/scifact --recipe bm25-anserini'
    """
    options = {
        "--data": f"{root}/{claim.data}" if claim.data else "",
        "--split": claim.split,
        "--setting": claim.setting,
        "--recipe": claim.recipe,
        "--corpus": claim.corpus,
        "--baseline": claim.baseline,
        "--limit": str(claim.limit or ""),
    }
    parts = ["ragqa eval run", claim.task, *(f"{name} {value}" for name, value in options.items() if value)]
    return " ".join([*parts, *(f"--set {override}" for override in claim.overrides)])


def _reproduced(claim: Claim, root: Path, out: Path, progress: Progress | None) -> Reproduced:
    command = command_of(claim, str(root))
    if claim.data and not (root / claim.data).exists():
        return Reproduced(claim, command, "no data", None, None, "")
    request = Request(
        claim.task,
        data=root / claim.data if claim.data else None,
        split=claim.split or None,
        setting=claim.setting or None,
        recipe=claim.recipe or None,
        corpus=claim.corpus or None,
        baseline=claim.baseline or None,
        overrides=claim.overrides,
        limit=claim.limit or None,
        out=out / "runs" / slug(claim.name),
    )
    metrics = run(request, progress)[-1].metrics
    if claim.measure not in metrics.metrics:
        raise UsageError(
            f"the figure {claim.name!r} claims {claim.measure!r}, which its run does not have; "
            f"{nearest(claim.measure, metrics.metrics)}"
        )
    value = metrics.metrics[claim.measure]
    is_met = _told_alike(value, claim.expected) or abs(value - float(claim.expected)) <= claim.within
    status: Status = "pass" if is_met else "fail"
    return Reproduced(claim, command, status, value, metrics.intervals[claim.measure], f"runs/{slug(claim.name)}")


def _told_alike(value: float, expected: str) -> bool:
    """Whether the value, rounded as the expected one was, is the same."""
    digits = len(expected.partition(".")[2])
    return f"{value:.{digits}f}" == f"{float(expected):.{digits}f}"
