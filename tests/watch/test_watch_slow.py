"""Servers that drip a byte at a time or send half a reply: each delivery ends, and is told for what it is."""

import socketserver
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ragqa.watch import alerts, outbox, settings
from ragqa.watch.outbox import Delivery, deliver
from ragqa.watch.types import Change, Finding, Item

PAUSE_S = 0.1
LONGEST = 300
"""Bytes that drip at most: far more than the time limit lets come."""
SMTP_BEFORE = (b"220 here\r\n", b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go on\r\n")
"""Replies to the connection, EHLO, MAIL, RCPT and DATA."""


class Session(socketserver.StreamRequestHandler):
    """Sends the replies of a script, each after a line that came, or after a message; the last one as told."""

    server: "Server"

    def handle(self) -> None:
        try:
            *before, last = self.server.script
            for number, reply in enumerate(before):
                self.wait(number)
                self.wfile.write(reply)
            self.wait(len(before))
            self.last(last)
        except OSError:  # the client has cut it
            return

    def wait(self, number: int) -> None:
        if self.server.is_http:
            while self.rfile.readline().strip():
                pass
            return
        if number == len(SMTP_BEFORE):
            self.server.n_messages += 1
            while self.rfile.readline() not in (b".\r\n", b""):
                pass
        elif number:
            self.rfile.readline()

    def last(self, reply: bytes) -> None:
        if not self.server.drips:
            self.wfile.write(reply)
            return
        for place in range(LONGEST):
            self.wfile.write(reply[place % len(reply) :][:1])
            self.server.n_dripped += 1
            time.sleep(PAUSE_S)


class Server(socketserver.ThreadingTCPServer):
    """A server on a port of its own that goes by a script."""

    allow_reuse_address = daemon_threads = True
    block_on_close = False

    def __init__(self, script: tuple[bytes, ...], *, drips: bool, is_http: bool) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.script, self.drips, self.is_http = script, drips, is_http
        self.n_dripped = self.n_messages = 0


@pytest.fixture
def sent() -> Iterator[Callable[..., tuple[Delivery, Server]]]:
    """Sends an alert to a server, which goes by a script, for half a second at most."""
    started: list[Server] = []

    def send(*script: bytes, drips: bool = False, is_http: bool = False) -> tuple[Delivery, Server]:
        server = Server(script, drips=drips, is_http=is_http)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append(server)
        port, channel = server.server_address[1], "webhook" if is_http else "mail"
        where = (
            [f"webhook.url=http://127.0.0.1:{port}/"]
            if is_http
            else ["mail.server=127.0.0.1", f"mail.port={port}", 'mail.to=["a@example.org"]']
        )
        limits = [f"{channel}.seconds=20", f"{channel}.total_seconds=0.5"]
        in_force = settings.load(["file.folder=", *where, *limits])
        change = Change("retracted", "Q?", "A cited article was retracted.")
        alerts.write(Item("one", "sample", "question", "Q?", (Finding("Q?"),), serial=1), (change,), "s", (channel,))
        (delivery,) = deliver(in_force)
        return delivery, server

    yield send
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("n_before", range(len(SMTP_BEFORE)), ids=["greeting", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_mail_server_that_drips_before_it_has_the_message_did_not_get_it(
    sent: Callable[..., tuple[Delivery, Server]], n_before: int
) -> None:
    delivery, server = sent(*SMTP_BEFORE[:n_before], b"250-and so on\r\n", drips=True)

    assert delivery.status == "not sent"
    assert "it took more than 0.5 s altogether" in delivery.message
    assert server.n_dripped < LONGEST
    assert server.n_messages == 0


def test_a_mail_server_that_drips_when_it_has_the_message_may_have_it(
    sent: Callable[..., tuple[Delivery, Server]],
) -> None:
    delivery, server = sent(*SMTP_BEFORE, b"250-and so on\r\n", drips=True)

    assert delivery.status == "uncertain"
    assert "it took more than 0.5 s altogether" in delivery.message
    assert server.n_messages == 1
    assert [one.id for one in outbox.uncertain()] == [delivery.id]


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (b"250 taken\r\n", "sent"),
        (b"250 ta", "sent"),
        (b"25", "uncertain"),
        (b"5", "uncertain"),
        (b"250-taken\r\n", "uncertain"),
        (b"", "uncertain"),
        (b"\xff\xfe\r\n", "uncertain"),
        (b"554 not want", "not sent"),
    ],
)
def test_half_a_reply_to_the_message_is_no_refusal(
    sent: Callable[..., tuple[Delivery, Server]], reply: bytes, status: str
) -> None:
    delivery, _ = sent(*SMTP_BEFORE, reply)
    assert delivery.status == status


def test_half_a_greeting_means_that_nothing_was_sent(sent: Callable[..., tuple[Delivery, Server]]) -> None:
    delivery, _ = sent(b"22")
    assert delivery.status == "not sent"


def test_a_webhook_that_drips_or_answers_half_may_have_it(sent: Callable[..., tuple[Delivery, Server]]) -> None:
    dripping, server = sent(b"HTTP/1.1 200 and so on", drips=True, is_http=True)
    outbox.send_again()
    alerts_left, _ = sent(b"HTTP/1.1 20", is_http=True)

    assert (dripping.status, alerts_left.status) == ("uncertain", "uncertain")
    assert "it took more than 0.5 s altogether" in dripping.message
    assert server.n_dripped < LONGEST
