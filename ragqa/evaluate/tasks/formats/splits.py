"""Which file of a folder holds the split that is asked for."""

from collections.abc import Sequence
from pathlib import Path

from ragqa.errors import SourceError, UsageError, nearest

SPLITS = ("train", "dev", "validation", "test")


def split_file(
    task: str, data: Path | None, split: str | None, names: Sequence[str], default: str = "dev"
) -> tuple[Path, str]:
    """The file of a split, and the split.

    Parameters
    ----------
    task
        Name of the task, for messages.
    data
        A file, which is taken as it is, or a folder.
    split
        What is asked for; None: the split that a file's name tells; of a folder ``default``, or the only one there.
    names
        Names a file may have, with ``{split}`` in them, for example ``healthver_{split}.csv``.

    Raises
    ------
    UsageError
        No data, or a split that is not there.
    SourceError
        There is nothing of that name, or no such file in the folder.
    """
    looked_for = " or ".join(name.format(split="SPLIT") for name in names)
    if data is None:
        raise UsageError(f"the task {task!r} needs its data: --data FOLDER_OR_FILE, with {looked_for}")
    if not data.exists():
        raise SourceError(f"there is nothing at {data}; give the folder or file of {task!r} with --data")
    if data.is_file():
        telling = [name for name in names if "{split}" in name]
        told = next((known for known in SPLITS if any(data.name == name.format(split=known) for name in telling)), "")
        if split and told and split != told:
            raise UsageError(f"{data.name} holds the split {told!r}, not {split!r}; give its folder, or --split {told}")
        return data, split or told
    there = {known: path for known in SPLITS for name in names if (path := data / name.format(split=known)).is_file()}
    if not there:
        raise SourceError(f"{data} holds no file {looked_for}; give the folder with the files as they are published")
    if split is None:
        split = default if default in there else next(iter(there))
    if split not in there:
        raise UsageError(f"{data} has no split {split!r} of the task {task!r}; {nearest(split, there)}")
    return there[split], split


def chosen_setting(task: str, setting: str | None, settings: Sequence[str]) -> str:
    """The setting that is asked for, the first of ``settings`` where none is; raises :class:`UsageError`."""
    setting = setting or settings[0]
    if setting not in settings:
        raise UsageError(f"the task {task!r} has no setting {setting!r}; {nearest(setting, settings)}")
    return setting
