"""Digests by SMTP, step by step, so that it is known whether the server took the message (RFC 5321, 4.1.1.4)."""

import contextlib
import os
import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import parseaddr

from ragqa.watch.digest import Digest, as_html, as_markdown, headline
from ragqa.watch.senders.limit import TimeLimit
from ragqa.watch.senders.outcome import NotSentError, UncertainError
from ragqa.watch.settings import MailSettings

_GO_ON, _TAKEN = 354, 250
_OK = (250, 251)
_REFUSALS = range(400, 600)


def send(digest: Digest, settings: MailSettings) -> str:
    """Send a digest to all recipients or to none; who got it.

    Raises
    ------
    NotSentError
        The server cannot be reached, did not get all of it, or refuses the sender, a recipient or the message.
    UncertainError
        The server got the whole message and gave no answer, or half of one.
    """
    server = f"{settings.server}:{settings.port}"
    with contextlib.ExitStack() as opened:
        limit = opened.enter_context(TimeLimit(settings.total_seconds))
        try:
            connection = _connected(settings, limit)
            opened.callback(connection.close)
            _handed_over(connection, digest, settings)
        except (OSError, ValueError, smtplib.SMTPException) as error:  # ValueError: of an address
            raise NotSentError(f"{server} did not take it: {_told(error, limit)}") from error
        # From here on the server has the message with its end.
        try:
            code, reply = connection.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise UncertainError(f"{server} got the message and did not answer: {_told(error, limit)}") from error
        if code in _REFUSALS:
            raise NotSentError(f"{server} refused the message: {code} {_text(reply)}")
        if code != _TAKEN:
            raise UncertainError(f"{server} got the message and gave no answer that tells: {code} {_text(reply)}")
        with contextlib.suppress(OSError, smtplib.SMTPException):
            connection.quit()
    return ", ".join(settings.to)


def message_of(digest: Digest, settings: MailSettings) -> bytes:
    """The message: Markdown, and the same as HTML."""
    message = EmailMessage(policy=SMTP_POLICY)
    message["Subject"] = headline(digest)
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.to)
    message["Date"] = datetime.fromisoformat(digest.time)
    message["Message-ID"] = f"<{digest.id}@{parseaddr(settings.sender)[1].rpartition('@')[2] or 'ragqa'}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(as_markdown(digest))
    message.add_alternative(as_html(digest).decode(), subtype="html")
    return message.as_bytes()


class _Plain(smtplib.SMTP):
    """Under a limit already while it is made, since it then waits for the server's greeting."""

    def __init__(self, settings: MailSettings, limit: TimeLimit) -> None:
        limit.watch(lambda: self.sock)
        super().__init__(settings.server, settings.port, timeout=settings.seconds)


class _Secure(smtplib.SMTP_SSL):
    """As :class:`_Plain`, by TLS from the first byte."""

    def __init__(self, settings: MailSettings, limit: TimeLimit) -> None:
        limit.watch(lambda: self.sock)
        context = ssl.create_default_context()
        super().__init__(settings.server, settings.port, timeout=settings.seconds, context=context)


def _connected(settings: MailSettings, limit: TimeLimit) -> smtplib.SMTP:
    connection = _Secure(settings, limit) if settings.tls == "tls" else _Plain(settings, limit)
    try:
        if settings.tls == "starttls":
            connection.starttls(context=ssl.create_default_context())
        if settings.user:
            connection.login(settings.user, _password(settings))
    except BaseException:
        connection.close()
        raise
    return connection


def _password(settings: MailSettings) -> str:
    if password := os.environ.get(settings.password_env, ""):
        return password
    raise smtplib.SMTPException(
        f"the environment variable {settings.password_env!r} (mail.password_env) has no password for mail.user "
        f"{settings.user!r}; set it where ragqa runs, or leave mail.user empty"
    )


def _handed_over(connection: smtplib.SMTP, digest: Digest, settings: MailSettings) -> None:
    """Everything up to the last byte of the message; an error means that its end did not leave this machine."""
    connection.ehlo_or_helo_if_needed()
    _expect(connection.mail(settings.sender), "the sender", _OK)
    for address in settings.to:
        _expect(connection.rcpt(address), address, _OK)
    connection.putcmd("data")
    _expect(connection.getreply(), "the message", (_GO_ON,))
    text = message_of(digest, settings).replace(b"\r\n.", b"\r\n..")
    connection.send(text if text.endswith(b"\r\n") else text + b"\r\n")
    connection.send(b".\r\n")


def _expect(answer: tuple[int, bytes], what: str, codes: tuple[int, ...]) -> None:
    code, reply = answer
    if code not in codes:
        raise smtplib.SMTPResponseException(code, f"{what} was refused: {_text(reply)}")


def _told(error: Exception, limit: TimeLimit) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        reply = error.smtp_error
        return f"{error.smtp_code} {_text(reply) if isinstance(reply, bytes) else reply}"
    return limit.told(error) or type(error).__name__


def _text(reply: bytes) -> str:
    return " ".join(reply.decode("utf-8", "replace").split())
