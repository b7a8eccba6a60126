"""Digests by SMTP over TLS with a login, from the command line: to servers that take them, refuse, or are slow."""

import base64
import contextlib
import datetime
import email
import email.policy
import ipaddress
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ragqa.cli import run
from ragqa.errors import RecipeError
from ragqa.watch import alerts, outbox, settings
from ragqa.watch.digest import Digest
from ragqa.watch.senders.mail import message_of
from ragqa.watch.settings import MailSettings
from ragqa.watch.types import Change, Finding, Item

PASSWORD = "correct horse"  # noqa: S105 - of the server below


class Session(socketserver.StreamRequestHandler):
    """RFC 5321 with STARTTLS (RFC 3207) and AUTH PLAIN (RFC 4954), as far as one message needs it."""

    server: "Server"

    def handle(self) -> None:
        self.logged_in = False
        self.say("220 here")
        while line := self.rfile.readline():
            self.server.lines.append((self.is_secure(), line.decode().strip()))
            command, _, rest = line.decode().strip().partition(" ")
            if command.upper() == "QUIT":
                self.say("221 bye")
                return
            getattr(self, f"on_{command.lower()}", self.on_other)(rest)

    def on_ehlo(self, _: str) -> None:
        self.say("250-here")
        if self.server.offers_tls and not self.is_secure():
            self.say("250-STARTTLS")
        if self.is_secure():
            self.say("250-AUTH PLAIN")
        self.say("250 ok")

    def on_starttls(self, _: str) -> None:
        self.say("220 go on")
        try:
            self.request = self.server.context.wrap_socket(self.request, server_side=True)
        except OSError:  # the client does not trust the certificate
            return
        self.connection = self.request
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)

    def on_auth(self, rest: str) -> None:
        _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
        self.logged_in = (user, password) == ("ward", PASSWORD)
        self.say("235 welcome" if self.logged_in else "535 wrong password")

    def on_mail(self, _: str) -> None:
        self.say("250 ok" if self.logged_in else "530 log in first")

    def on_data(self, _: str) -> None:
        self.say("354 go on")
        body = b""
        while not body.endswith(b"\r\n.\r\n"):
            body += self.rfile.readline()
        self.server.messages.append(email.message_from_bytes(body, policy=email.policy.default))
        self.say("250 taken")

    def on_other(self, _: str) -> None:
        self.say("250 ok")

    def is_secure(self) -> bool:
        return isinstance(self.request, ssl.SSLSocket)

    def say(self, text: str) -> None:
        time.sleep(self.server.pause_s)
        try:
            self.wfile.write(text.encode() + b"\r\n")
        except OSError:
            return


class Server(socketserver.ThreadingTCPServer):
    """A mail server on a port of its own."""

    allow_reuse_address = daemon_threads = True
    block_on_close = False

    def __init__(
        self, context: ssl.SSLContext, *, at_once: bool = False, offers_tls: bool = True, pause_s: float = 0.0
    ) -> None:
        super().__init__(("127.0.0.1", 0), Session)
        self.context, self.at_once, self.offers_tls, self.pause_s = context, at_once, offers_tls, pause_s
        self.lines: list[tuple[bool, str]] = []
        self.messages: list[Any] = []

    def get_request(self) -> tuple[socket.socket, Any]:
        opened, address = super().get_request()
        return (self.context.wrap_socket(opened, server_side=True) if self.at_once else opened), address

    def handle_error(self, *_: object) -> None:
        """A client that went away."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def serve(certificate: Path) -> Iterator[Callable[..., Server]]:
    """Starts mail servers."""
    started: list[Server] = []

    def start(**how: Any) -> Server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server = Server(context, **how)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the certificate be trusted, and the password be known."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("WARD_PASSWORD", PASSWORD)


def send(server: Server, tls: str, *more: str) -> int:
    """``ragqa watch run`` with an alert that waits for the mail; its exit code."""
    if not alerts.ids():
        change = Change("retracted", "Q?", "A cited article was retracted.", "123", "A trial")
        alerts.write(Item("one", "sample", "question", "Q?", (Finding("Q?"),), serial=1), (change,), "s", ("mail",))
    chosen = [
        "mail.server=127.0.0.1", f"mail.port={server.server_address[1]}", f"mail.tls={tls}", "mail.user=ward",
        "mail.password_env=WARD_PASSWORD", 'mail.to=["a@example.org"]', "mail.seconds=5", *more,
    ]  # fmt: skip
    return run(["watch", "run", *(word for one in chosen for word in ("--set", one))])


@pytest.mark.parametrize(("tls", "at_once"), [("starttls", False), ("tls", True)])
def test_the_login_and_the_digest_go_by_tls_alone(
    serve: Callable[..., Server], trusted: None, capsys: pytest.CaptureFixture[str], tls: str, at_once: bool
) -> None:
    server = serve(at_once=at_once)

    assert send(server, tls) == 0
    assert send(server, tls) == 0

    captured = capsys.readouterr()
    assert captured.out.count("sent by mail: 1 alert to a@example.org") == 1
    assert captured.err == ""
    (message,) = server.messages
    assert "A cited article was retracted" in message.get_body(("plain",)).get_content()
    assert message["Subject"] == "Watched by ragqa: Q?"
    in_clear = {line.split()[0].upper() for secure, line in server.lines if not secure}
    assert in_clear <= {"EHLO", "STARTTLS"}


def test_what_a_server_refuses_is_told_and_sent_by_the_next_run(
    serve: Callable[..., Server],
    trusted: None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, plain = serve(), serve(offers_tls=False)
    monkeypatch.delenv("WARD_PASSWORD")
    send(server, "starttls")
    no_password = capsys.readouterr().err
    monkeypatch.setenv("WARD_PASSWORD", "battery staple")
    send(server, "starttls")
    wrong_password = capsys.readouterr().err
    monkeypatch.setenv("WARD_PASSWORD", PASSWORD)
    send(plain, "starttls")
    no_tls = capsys.readouterr().err
    send(server, "starttls", "mail.user=")
    no_login = capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.delenv("SSL_CERT_FILE")
        send(server, "starttls")
    untrusted = capsys.readouterr().err
    assert (server.messages, plain.messages, outbox.uncertain()) == ([], [], [])
    send(server, "starttls")

    for told, words in (
        (no_password, "'WARD_PASSWORD' (mail.password_env) has no password"),
        (wrong_password, "535 wrong password"),
        (no_tls, "STARTTLS"),
        (no_login, "530"),
        (untrusted, "certificate verify failed"),
    ):
        assert told.startswith("ragqa: not sent: the digest ")
        assert words in told
        assert len(told.splitlines()) == 1
        assert PASSWORD not in told
    assert not [line for _, line in plain.lines if line.startswith("AUTH")]
    assert len(server.messages) == 1


def test_a_slow_server_is_waited_for_as_long_as_is_allowed(
    serve: Callable[..., Server], trusted: None, capsys: pytest.CaptureFixture[str]
) -> None:
    slow, slower = serve(pause_s=0.2), serve(pause_s=3.0)

    send(slower, "starttls", "mail.seconds=0.3")
    told = capsys.readouterr().err
    send(slow, "starttls")

    assert "timed out" in told
    assert "not sent" in told
    assert (len(slow.messages), slower.messages) == (1, [])


@pytest.mark.parametrize("sender", ["ward@example.org", "The ward <ward@example.org>"])
def test_a_message_tells_when_it_was_made_and_has_an_id_that_is_one(sender: str) -> None:
    digest = Digest("20260102T030405-ab", "2026-01-02T03:04:05.678901+00:00", ())

    message = email.message_from_bytes(message_of(digest, MailSettings(sender=sender)), policy=email.policy.default)

    assert message["Date"].datetime == datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    assert message["Message-ID"] == "<20260102T030405-ab@example.org>"


@pytest.mark.parametrize(
    ("server", "is_here"), [("localhost", True), ("127.0.0.1", True), ("::1", True), ("127.example.org", False)]
)
def test_a_password_goes_in_clear_to_this_machine_alone(server: str, is_here: bool) -> None:
    overrides = [f'mail.server="{server}"', 'mail.to=["a@example.org"]', "mail.user=ward"]
    with contextlib.nullcontext() if is_here else pytest.raises(RecipeError, match="for all to read"):
        settings.load(overrides)
