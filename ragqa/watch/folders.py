"""Where in the home the watched things and their alerts lie."""

from pathlib import Path

from ragqa import home


def watch_folder() -> Path:
    """``watch/`` in the home: settings, lock, and the folders below."""
    return home.home() / "watch"


def items_folder() -> Path:
    """One JSON file for each item."""
    return watch_folder() / "items"


def alerts_folder() -> Path:
    """One JSON file for each alert, written before its item."""
    return watch_folder() / "alerts"


def outbox_folder() -> Path:
    """For each channel a folder with one JSON file for each digest that was begun to be sent."""
    return watch_folder() / "outbox"


def states_folder() -> Path:
    """What the corpora consisted of when items were asked."""
    return watch_folder() / "states"
