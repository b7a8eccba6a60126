"""What a comparison is of: runs, and the cells of ablations."""

from collections.abc import Sequence
from pathlib import Path

from ragqa import home
from ragqa.errors import UsageError
from ragqa.evaluate.compare.ablate import ABLATION_FILE, read_ablation
from ragqa.evaluate.runs.load import LoadedRun, load_run
from ragqa.evaluate.runs.repeats import REPEATS_FILE


def load_compared(names: Sequence[str | Path], measures: Sequence[str] = ()) -> list[LoadedRun]:
    """The runs that were named, in order; in place of an ablation the runs of its cells. ``measures``: as of load_run.

    Raises
    ------
    UsageError
        There is no such run, or an ablation chose settings on some of its questions, which must not be tested.
    ProductError
        A run is not finished, or damaged.
    """
    return [load_run(path, measures) for name in names for path in _runs_of(name)]


def _runs_of(name: str | Path) -> list[str | Path]:
    folders = (Path(name), home.home() / "eval" / "runs" / name)
    folder = next((path for path in folders if (path / ABLATION_FILE).is_file()), None)
    repeated = next((path for path in folders if (path / REPEATS_FILE).is_file()), None)
    if repeated is not None:
        raise UsageError(
            f"{repeated} holds the same run several times; compare one of them ({repeated / 'repeat-01'}), or see the "
            f"noise of several systems: ragqa eval noise {repeated} OTHER"
        )
    if folder is None:
        return [name]
    ablation = read_ablation(folder)
    if ablation.n_development:
        raise UsageError(
            f"{folder} chose settings on {ablation.n_development} of its questions, on which its cells must not be "
            f"compared; its own table tests them on the others: ragqa eval report {folder}"
        )
    return [folder / row.run for row in ablation.rows]
