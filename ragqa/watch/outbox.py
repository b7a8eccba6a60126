"""The outbox: alerts are put into digests that are sent once to each channel, or told as uncertain.

Before a digest is sent, a file says so; afterwards the file says that it was. What a sender surely did not hand over is
taken back and sent with the next digest. Where that cannot be known (the process died meanwhile, or the other side went
silent after it had the whole message), the digest is marked as uncertain and not sent again unless that is asked for.
Files are written under the same names again, so they are never uncertain.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ragqa.errors import RagqaError
from ragqa.manifest import content_hash, read_json, write_json
from ragqa.watch import alerts, folders, items
from ragqa.watch.digest import Digest
from ragqa.watch.senders import files, mail, webhook
from ragqa.watch.senders.outcome import NotSentError, UncertainError
from ragqa.watch.settings import WatchSettings

Status = Literal["sending", "sent", "uncertain", "not sent"]
_REMEDY = "remove that file: its alerts are sent again"
_MOST = 500
"""Alerts of one digest."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A digest on its way to a channel.

    Attributes
    ----------
    id
        By its time and alerts; receivers can tell by it that they have it already.
    channel
        ``file``, ``mail`` or ``webhook``.
    alerts
        Ids of the alerts in it.
    status
        ``sending`` as long as a process is at it; ``uncertain``: it may or may not have arrived; ``not sent``: it did
        not arrive, its alerts come with the next one.
    time
        When it was made, in UTC.
    message
        Where to, or why not.
    """

    id: str
    channel: str
    alerts: tuple[str, ...]
    status: Status
    time: str
    message: str = ""


def deliver(settings: WatchSettings) -> Iterator[Delivery]:
    """Send what waits to each channel that is set up; what was done, a digest at a time."""
    for channel in settings.channels():
        for left in _deliveries(channel):
            if left.status == "sending":
                yield _send(left, settings) if channel == "file" else _died(left)
        while waiting := _waiting(channel):
            made = _made(channel, waiting[:_MOST])
            done = _send(made, settings)
            yield done
            if done.status == "not sent":
                break


def waiting_in(channel: str) -> int:
    """How many alerts wait to be sent to a channel."""
    return len(_waiting(channel))


def uncertain() -> list[Delivery]:
    """The digests that may or may not have arrived."""
    names = sorted(path.name for path in folders.outbox_folder().glob("*")) if folders.outbox_folder().is_dir() else []
    return [one for name in names for one in _deliveries(name) if one.status == "uncertain"]


def send_again() -> int:
    """Let the alerts of all uncertain digests be sent once more; how many digests these were."""
    found = uncertain()
    for one in found:
        _path(one).unlink(missing_ok=True)
    return len(found)


def _send(delivery: Delivery, settings: WatchSettings) -> Delivery:
    digest = Digest(delivery.id, delivery.time, tuple(alerts.read(one) for one in delivery.alerts))
    try:
        if delivery.channel == "file":
            where = files.send(digest, settings.file)
        elif delivery.channel == "mail":
            where = mail.send(digest, settings.mail)
        else:
            where = webhook.send(digest, settings.webhook)
    except UncertainError as error:
        return _written(replace(delivery, status="uncertain", message=str(error)))
    except (NotSentError, RagqaError) as error:
        _path(delivery).unlink(missing_ok=True)
        return replace(delivery, status="not sent", message=str(error))
    return _written(replace(delivery, status="sent", message=where))


def _died(delivery: Delivery) -> Delivery:
    why = "the process ended while it was sent; see at the other side whether it arrived"
    return _written(replace(delivery, status="uncertain", message=why))


def _made(channel: str, waiting: list[str]) -> Delivery:
    time = items.now()
    compact = time[:19].replace("-", "").replace(":", "")
    return _written(
        Delivery(f"{compact}-{content_hash([time, waiting])[:8]}", channel, tuple(waiting), "sending", time)
    )


def _waiting(channel: str) -> list[str]:
    begun = {alert for delivery in _deliveries(channel) for alert in delivery.alerts}
    return [one for one in alerts.ids() if one not in begun and channel in alerts.read(one).channels]


def _deliveries(channel: str) -> list[Delivery]:
    folder = folders.outbox_folder() / channel
    paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
    return [read_json(path, Delivery, _REMEDY) for path in paths]


def _written(delivery: Delivery) -> Delivery:
    path = _path(delivery)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, delivery)
    return delivery


def _path(delivery: Delivery) -> Path:
    return folders.outbox_folder() / delivery.channel / f"{delivery.id}.json"
