"""``ragqa keys``: who may use a server."""

import click

from ragqa.cli import show
from ragqa.cli.options import json_option
from ragqa.serve.key_file import DEFAULT_PATH

_file_option = click.option(
    "--file", "file", default=DEFAULT_PATH, show_default=True, help="The keys file; under RAGQA_HOME if not absolute."
)
_days_option = click.option("--days", type=click.FloatRange(min=0, min_open=True), help="How long it is accepted.")


@click.group()
def keys() -> None:
    """Make, list, replace and revoke the keys of a server, which needs no restart."""


@keys.command()
@click.argument("name")
@_days_option
@click.option("--per-minute", type=click.IntRange(1), default=600, show_default=True, help="Requests a minute.")
@click.option("--at-once", type=click.IntRange(1), default=32, show_default=True, help="Requests under way at once.")
@_file_option
def add(name: str, days: float | None, per_minute: int, at_once: int, file: str) -> None:
    """Make the key NAME and print it; only its hash is kept."""
    from ragqa.serve import key_file

    path = key_file.path_of(file)
    click.echo(key_file.add(path, name, days=days, per_minute=per_minute, at_once=at_once))
    click.echo(f"ragqa: this is the key {name!r}; it is shown once, {path} has its hash", err=True)


@keys.command()
@click.argument("name")
@_days_option
@click.option(
    "--keep-hours", type=click.FloatRange(0), default=24.0, show_default=True, help="How long the old one is accepted."
)
@_file_option
def rotate(name: str, days: float | None, keep_hours: float, file: str) -> None:
    """Make a new key in place of NAME and print it; the old one is accepted for a while."""
    from ragqa.serve import key_file

    path = key_file.path_of(file)
    click.echo(key_file.rotate(path, name, days=days, keep_hours=keep_hours))
    click.echo(f"ragqa: this is the new key {name!r}; the old one is accepted for {keep_hours:g} h", err=True)


@keys.command()
@click.argument("name")
@_file_option
def revoke(name: str, file: str) -> None:
    """Refuse the key NAME from the next request on."""
    from ragqa.serve import key_file

    key_file.revoke(key_file.path_of(file), name)
    click.echo(f"ragqa: the key {name!r} is refused from now on", err=True)


@keys.command("list")
@_file_option
@json_option
def list_keys(file: str, as_json: bool) -> None:
    """List the keys: name, state, when made, until when, and limits; never the keys themselves."""
    from datetime import UTC, datetime

    from ragqa.serve import key_file

    found, now = key_file.read(key_file.path_of(file)), datetime.now(UTC)
    rows = [
        {
            "name": name,
            "state": "expired" if key.is_expired(now) else "accepted",
            "created": key.created,
            "expires": key.expires,
            "old_until": key.old_until,
            "per_minute": key.per_minute,
            "at_once": key.at_once,
        }
        for name, key in found.items()
    ]
    if as_json:
        show.json_document({"keys": rows})
        return
    headers = ["name", "state", "created", "expires", "old key until", "per minute", "at once"]
    show.table(headers, [list(row.values()) for row in rows])
