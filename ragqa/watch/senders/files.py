"""Digests as files in a folder, with an Atom feed of the latest alerts."""

from ragqa import home
from ragqa.manifest import write_atomically
from ragqa.watch import alerts
from ragqa.watch.digest import Digest, as_atom, as_html, as_json, as_markdown
from ragqa.watch.senders.outcome import NotSentError
from ragqa.watch.settings import FileSettings

FEED_FILE = "feed.atom"
_IN_FEED = 100
_FORMS = {"md": lambda digest: as_markdown(digest).encode(), "html": as_html, "json": as_json}


def send(digest: Digest, settings: FileSettings) -> str:
    """Write a digest, and the feed anew; where to. The same digest is written to the same files.

    Raises
    ------
    NotSentError
        The folder cannot be written to.
    """
    folder = home.home() / settings.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for form in settings.forms:
            write_atomically(folder / f"{digest.id}.{form}", _FORMS[form](digest))
        write_atomically(folder / FEED_FILE, as_atom(alerts.latest(_IN_FEED), digest.time))
    except OSError as error:
        raise NotSentError(f"cannot write to {folder}: {error.strerror}; set file.folder to another one") from error
    return str(folder)
