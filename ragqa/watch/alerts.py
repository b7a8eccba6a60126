"""Alerts on disk: each is written before its item, so that a run that dies between the two tells nothing twice."""

from collections.abc import Iterator

from ragqa.errors import ProductError
from ragqa.manifest import read_json, write_json
from ragqa.watch import folders, items
from ragqa.watch.types import Alert, Change, Item

_REMEDY = "remove that file: the alert in it is lost"


def write(item: Item, changes: tuple[Change, ...], state: str, channels: tuple[str, ...]) -> Alert:
    """Write the alert that brings an item to the form given; its ``serial`` counts this alert."""
    alert = Alert(f"{item.id}-{item.serial:06d}", item, changes, items.now(), state, channels)
    folders.alerts_folder().mkdir(parents=True, exist_ok=True)
    write_json(folders.alerts_folder() / f"{alert.id}.json", alert)
    return alert


def ids() -> list[str]:
    """The ids of all alerts, in order."""
    folder = folders.alerts_folder()
    return sorted(path.stem for path in folder.glob("*.json")) if folder.is_dir() else []


def read(alert_id: str) -> Alert:
    """An alert.

    Raises
    ------
    ProductError
        It is missing or damaged.
    """
    return read_json(folders.alerts_folder() / f"{alert_id}.json", Alert, _REMEDY)


def latest(n: int) -> list[Alert]:
    """The ``n`` latest alerts, latest first."""
    return sorted(_read_all(), key=lambda alert: (alert.time, alert.id), reverse=True)[:n]


def last_serial(item_id: str) -> int:
    """The number of the last alert that an item of this id gave, also one that is no longer watched."""
    return max((int(one.rpartition("-")[2]) for one in ids() if one.startswith(f"{item_id}-")), default=0)


def recover() -> None:
    """Bring items up to date whose alert was written by a run that died before it wrote the item."""
    last = {alert_id.rpartition("-")[0]: alert_id for alert_id in ids()}
    for item in items.read_all():
        alert_id = last.get(item.id, "")
        if alert_id and int(alert_id.rpartition("-")[2]) > item.serial:
            items.save(read(alert_id).item)


def _read_all() -> Iterator[Alert]:
    for alert_id in ids():
        try:
            yield read(alert_id)
        except ProductError:
            if (folders.alerts_folder() / f"{alert_id}.json").exists():
                raise
