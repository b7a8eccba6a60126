"""Each alert is sent once or told as uncertain: by SMTP, to a webhook and to files, with servers that misbehave."""

import email
import email.policy
import json
import os
import random
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ragqa.errors import ProductError
from ragqa.watch import alerts, folders, items, outbox, settings
from ragqa.watch.outbox import Delivery, deliver
from ragqa.watch.run import only_one
from ragqa.watch.types import Change, Finding, Item

N_KILLS = 100
_MOST_ROUNDS = 1_000


class Received:
    """What arrived in full, as the ids of alerts, and how the servers behave."""

    def __init__(self) -> None:
        self.alerts: Counter[str] = Counter()
        self.mode = "good"
        self.pause_s = 0.0

    def take(self, text: str) -> None:
        self.alerts.update({word for word in text.replace('"', " ").split() if word.startswith("alert:")})


class MailHandler(socketserver.StreamRequestHandler):
    """RFC 5321 as far as one message needs it."""

    def handle(self) -> None:
        received: Received = self.server.received  # type: ignore[attr-defined]
        self._say("220 here")
        while line := self.rfile.readline():
            command = line[:4].upper().strip()
            if command == b"RCPT" and received.mode == "refuse recipient":
                self._say("550 no such person")
            elif command == b"DATA":
                if not self._data(received):
                    return
            elif command == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _data(self, received: Received) -> bool:
        self._say("354 go on")
        if received.mode == "break off":
            self.rfile.read(100)
            return False
        body = b""
        while not body.endswith(b"\r\n.\r\n"):
            line = self.rfile.readline()
            if not line:
                return False
            body += line
        if received.mode == "refuse message":
            self._say("554 not wanted")
            return True
        message = email.message_from_bytes(body, policy=email.policy.default)
        plain = message.get_body(("plain",))
        assert plain is not None
        received.take(plain.get_content().replace("\\:", ":"))
        if received.mode == "silent":
            time.sleep(2)
            return False
        time.sleep(received.pause_s)
        self._say("250 taken")
        return True

    def _say(self, text: str) -> None:
        try:
            self.wfile.write(text.encode() + b"\r\n")
        except OSError:
            return


class HookHandler(BaseHTTPRequestHandler):
    """A webhook."""

    def do_POST(self) -> None:
        received: Received = self.server.received  # type: ignore[attr-defined]
        if received.mode == "break off":
            self.rfile.read(50)
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if len(body) < int(self.headers["Content-Length"]):
            return
        status = {"refuse message": 403, "refuse recipient": 404, "gateway": 504}.get(received.mode, 200)
        if status == 200:
            received.take(body.decode())
        time.sleep(2 if received.mode == "silent" else received.pause_s)
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


class MailServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """A client that was killed."""


class HookServer(ThreadingHTTPServer):
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """A client that was killed."""


@pytest.fixture
def mail_and_hook() -> Iterator[tuple[Received, Received, list[str]]]:
    """What came by mail and to the webhook, and the settings that send there."""
    mail, hook = Received(), Received()
    servers: list[socketserver.TCPServer] = []
    for received, kind, handler in ((mail, MailServer, MailHandler), (hook, HookServer, HookHandler)):
        server = kind(("127.0.0.1", 0), handler)
        server.received = received  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
    ports = [server.server_address[1] for server in servers]
    yield (
        mail,
        hook,
        [
            "mail.server=127.0.0.1", f"mail.port={ports[0]}", 'mail.to=["a@example.org"]', "mail.seconds=1",
            f"webhook.url=http://127.0.0.1:{ports[1]}/hook", "webhook.seconds=1",
        ],
    )  # fmt: skip
    for server in servers:
        server.shutdown()
        server.server_close()


def watch_things(n: int) -> None:
    for number in range(n):
        items.save(Item(f"item{number}", "sample", "question", f"Question {number}?", (Finding("Q?"),), "state"))


def alert_each(in_force: settings.WatchSettings) -> None:
    """Give each item its next alert, as a run does: the alert first, then the item."""
    for item in items.read_all():
        serial = item.serial + 1
        change = Change("verdict", item.title, f"Changed. alert:{item.id}-{serial:06d}")
        after = Item(item.id, item.index, item.kind, item.title, item.findings, item.state, serial=serial)
        items.save(alerts.write(after, (change,), "state", in_force.channels()).item)


def only(deliveries: list[Delivery], channel: str) -> Delivery:
    (found,) = [one for one in deliveries if one.channel == channel]
    return found


def test_each_alert_arrives_once_by_every_channel(mail_and_hook: tuple[Received, Received, list[str]]) -> None:
    mail, hook, overrides = mail_and_hook
    in_force = settings.load(overrides)
    watch_things(3)
    alert_each(in_force)

    first, second = list(deliver(in_force)), list(deliver(in_force))

    expected = Counter({f"alert:item{number}-000001": 1 for number in range(3)})
    assert mail.alerts == expected
    assert hook.alerts == expected
    assert {(one.channel, one.status) for one in first} == {("file", "sent"), ("mail", "sent"), ("webhook", "sent")}
    assert second == []
    feed = ET.parse(folders.watch_folder() / "digests" / "feed.atom").getroot()  # noqa: S314 - our own
    assert len(feed.findall("{http://www.w3.org/2005/Atom}entry")) == 3


@pytest.mark.parametrize(
    ("mode", "by_mail", "by_hook"),
    [
        ("refuse recipient", "not sent", "not sent"),
        ("refuse message", "not sent", "not sent"),
        ("silent", "uncertain", "uncertain"),
        ("break off", "uncertain", "uncertain"),
        ("gateway", "sent", "uncertain"),
    ],
)
def test_what_is_refused_comes_later_and_what_is_unknown_is_told(
    mail_and_hook: tuple[Received, Received, list[str]], mode: str, by_mail: str, by_hook: str
) -> None:
    mail, hook, overrides = mail_and_hook
    in_force = settings.load(overrides)
    watch_things(1)
    alert_each(in_force)
    mail.mode = hook.mode = mode

    done = list(deliver(in_force))
    mail.mode = hook.mode = "good"
    later = list(deliver(in_force))

    assert (only(done, "mail").status, only(done, "webhook").status) == (by_mail, by_hook)
    for received, channel, status in ((mail, "mail", by_mail), (hook, "webhook", by_hook)):
        assert [one.status for one in later if one.channel == channel] == (["sent"] if status == "not sent" else [])
        assert received.alerts["alert:item0-000001"] <= 1
    unsure = {one.channel for one in outbox.uncertain()}
    assert unsure == {name for name, status in (("mail", by_mail), ("webhook", by_hook)) if status == "uncertain"}


def test_a_server_that_is_down_loses_nothing_and_uncertain_ones_can_be_sent_again(
    mail_and_hook: tuple[Received, Received, list[str]],
) -> None:
    mail, hook, overrides = mail_and_hook
    in_force = settings.load(overrides)
    watch_things(1)
    alert_each(in_force)
    down = settings.load([*overrides, "mail.port=9", "webhook.url=http://127.0.0.1:9/"])

    failed = list(deliver(down))
    hook.mode = "silent"
    unsure = list(deliver(in_force))
    hook.mode = "good"
    n_again = outbox.send_again()
    again = list(deliver(in_force))

    assert only(failed, "mail").status == only(failed, "webhook").status == "not sent"
    assert "127.0.0.1:9" in only(failed, "mail").message
    assert (only(unsure, "mail").status, only(unsure, "webhook").status) == ("sent", "uncertain")
    assert (n_again, only(again, "webhook").status) == (1, "sent")
    assert mail.alerts["alert:item0-000001"] == 1


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ('mail.to=["würde@example.org"]', "127.0.0.1"),
        ("mail.server=mail..example", "mail..example"),
        ('mail.sender="a@example.org\\nBcc: b@example.org"', "127.0.0.1"),
        ("webhook.url=http://[bad/hook", "webhook.url is no address"),
        ("webhook.url=http://user:secret@127.0.0.1:9/hook", "http://127.0.0.1:9 did not take it"),
    ],
)
def test_addresses_that_cannot_be_are_told_and_hold_nothing_else_up(
    mail_and_hook: tuple[Received, Received, list[str]], setting: str, told: str
) -> None:
    overrides = [*mail_and_hook[2], setting]
    in_force = settings.load(overrides)
    watch_things(1)
    alert_each(in_force)

    done = {one.channel: one for one in deliver(in_force)}

    wrong = setting.partition(".")[0]
    assert {channel for channel, one in done.items() if one.status == "sent"} == {"file", "mail", "webhook"} - {wrong}
    assert done[wrong].status == "not sent"
    assert told in done[wrong].message
    assert "secret" not in done[wrong].message
    assert outbox.waiting_in(wrong) == 1


def test_two_runs_at_once_are_refused() -> None:
    with only_one(), pytest.raises(ProductError, match="another watch run is at work"), only_one():
        pass


PROGRAM = """
import importlib.util, os, sys
from ragqa.watch import outbox, settings
from ragqa.watch.run import only_one
spec = importlib.util.spec_from_file_location("outbox_test", sys.argv[1])
test = importlib.util.module_from_spec(spec)
spec.loader.exec_module(test)
in_force = settings.load(sys.argv[2:])
while line := sys.stdin.readline():
    pid = os.fork()
    if pid == 0:
        with only_one():
            if line.strip() == "alert":
                test.alert_each(in_force)
            list(outbox.deliver(in_force))
        os._exit(0)
    print(pid, flush=True)
    sys.stdin.readline()  # until then the number stands for this process, even when it has ended
    print(os.waitpid(pid, 0)[1], flush=True)
"""


def test_a_hundred_kills_send_each_alert_once_or_tell_it_as_uncertain(
    mail_and_hook: tuple[Received, Received, list[str]],
) -> None:
    mail, hook, overrides = mail_and_hook
    mail.pause_s = hook.pause_s = 0.03
    watch_things(2)
    command = [sys.executable, "-c", PROGRAM, __file__, *overrides]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    chance = random.Random(14)
    n_killed, whole_s = 0, 0.0
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(_MOST_ROUNDS):  # the first two, of which the second is warm, and the last may end
            is_last = n_killed == N_KILLS
            ends = number < 2 or is_last
            began = time.monotonic()
            process.stdin.write("send\n" if is_last else "alert\n")
            process.stdin.flush()
            pid = int(process.stdout.readline())
            if not ends:
                time.sleep(chance.uniform(0, whole_s))
                os.kill(pid, signal.SIGKILL)
            process.stdin.write("reap\n")
            process.stdin.flush()
            n_killed += int(process.stdout.readline()) == signal.SIGKILL
            whole_s = time.monotonic() - began if number < 2 else whole_s
            if is_last:
                break
        process.stdin.close()

    made = [f"alert:{one}" for one in alerts.ids()]
    assert n_killed == N_KILLS
    assert len(made) > N_KILLS / 2
    for item in items.read_all():
        assert len([one for one in made if item.id in one]) == item.serial  # no number twice, none left out
    for received, channel in ((mail, "mail"), (hook, "webhook")):
        shipped = _shipped(channel)
        for one in made:
            status, n = shipped[one], received.alerts[one]
            assert (status, n) in {("sent", 1), ("uncertain", 0), ("uncertain", 1)}, one
        assert set(received.alerts) <= set(made)
    told = [name for path in (folders.watch_folder() / "digests").glob("*.json") for name in _ids(path)]
    assert sorted(f"alert:{one}" for one in told) == sorted(made)


def _shipped(channel: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in (folders.outbox_folder() / channel).glob("*.json"):
        delivery = json.loads(path.read_text())
        for one in delivery["alerts"]:
            assert f"alert:{one}" not in found, "in two digests"
            found[f"alert:{one}"] = delivery["status"]
    return found


def _ids(path: Path) -> list[str]:
    return [alert["id"] for alert in json.loads(path.read_text())["alerts"]]
