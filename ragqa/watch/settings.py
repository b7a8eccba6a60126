"""Settings of watching, read from ``watch/watch.toml`` in the home where that is there."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from ragqa import recipe
from ragqa.errors import RecipeError
from ragqa.watch import folders

Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Seconds = Annotated[float, msgspec.Meta(gt=0)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Sending by SMTP; nothing is sent where ``to`` is empty.

    Attributes
    ----------
    server, port
        The mail server.
    sender, to
        Addresses.
    tls
        ``none``, ``starttls`` or ``tls`` (from the first byte).
    user, password_env
        Who logs in, and the environment variable with the password; "" to send without.
    seconds, total_seconds
        How long each step may take, and how long a digest's whole delivery.
    """

    server: str = "localhost"
    port: Port = 25
    sender: str = "ragqa@localhost"
    to: tuple[str, ...] = ()
    tls: Literal["none", "starttls", "tls"] = "none"
    user: str = ""
    password_env: str = ""
    seconds: Seconds = 30.0
    total_seconds: Seconds = 120.0


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Sending by HTTP POST of the digest as JSON; nothing is sent where ``url`` is empty.

    Attributes
    ----------
    url
        Address (http or https).
    secret_env
        Environment variable with a secret: the body is then signed in ``X-Ragqa-Signature: sha256=HMAC``.
    seconds, total_seconds
        How long each step may take, and how long a digest's whole delivery.
    """

    url: str = ""
    secret_env: str = ""
    seconds: Seconds = 30.0
    total_seconds: Seconds = 120.0


@dataclass(frozen=True, slots=True)
class FileSettings:
    """Writing digests to a folder, with an Atom feed of the latest; "" writes none.

    A folder that is not absolute is under the home. ``forms`` are of ``md``, ``html`` and ``json``.
    """

    folder: str = "watch/digests"
    forms: tuple[Literal["md", "html", "json"], ...] = ("md", "html", "json")


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """How changes are told.

    Attributes
    ----------
    noise
        A probability must change by more than this to be told, and a new verdict lead the old one by more.
    file, mail, webhook
        Where digests go.
    """

    noise: Share = 0.1
    file: FileSettings = FileSettings()
    mail: MailSettings = MailSettings()
    webhook: WebhookSettings = WebhookSettings()

    def channels(self) -> tuple[str, ...]:
        """Where digests are sent."""
        set_up = {"file": self.file.folder, "mail": self.mail.to, "webhook": self.webhook.url}
        return tuple(name for name, value in set_up.items() if value)


def load(overrides: Sequence[str] = ()) -> WatchSettings:
    """The settings in force.

    Raises
    ------
    RecipeError
        The file has an unknown key or a value that is not allowed, or a password would be sent in clear.
    """
    path = folders.watch_folder() / "watch.toml"
    if path.is_file():
        settings = recipe.load(path, WatchSettings, overrides)
    else:
        settings = recipe.from_table(recipe.override({}, overrides), WatchSettings, "watch")
    url = settings.webhook.url
    if url and not url.startswith(("http://", "https://")):
        raise RecipeError(f"webhook.url is {url!r}; it must begin with http:// or https://")
    mail = settings.mail
    if mail.to and mail.user and mail.tls == "none" and not _is_here(mail.server):
        raise RecipeError(
            f"mail.tls is 'none' with mail.user {mail.user!r}: the password would go to {mail.server} for all to read; "
            "set mail.tls to 'starttls' or 'tls'"
        )
    return settings


def _is_here(server: str) -> bool:
    """Whether a server is on this machine."""
    try:
        return server == "localhost" or ipaddress.ip_address(server).is_loopback
    except ValueError:  # a name, which may lead anywhere
        return False
