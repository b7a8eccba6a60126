"""``ragqa serve`` and ``ragqa mcp``."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ragqa.cli.options import ray_option, set_option
from ragqa.errors import BackendError

if TYPE_CHECKING:
    from ragqa.serve.settings import ServeSettings

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--settings", "settings_name", default="server", show_default=True, help="services/NAME.toml, or a path to one."
    ),
    click.option(
        "--index", "indexes", multiple=True, help="Which index to serve (repeatable; the first is the default)."
    ),
    click.option("--host", help="Address to listen on."),
    click.option("--port", type=click.IntRange(0, 65535), help="0 takes a free one."),
    click.option("--workers", type=click.IntRange(min=1), help="Processes that share the work; 1 by default."),
    ray_option,
    click.option("--keys-file", help="The keys, as `ragqa keys` writes them."),
    click.option("--allow-without-keys", is_flag=True, help="Let other machines in though there are no keys."),
    set_option,
)


def _server_options(command: F) -> F:
    """Add the options of both servers; the command gets them as keyword arguments for :func:`_settings`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@_server_options
def serve(**options: Any) -> None:
    """Serve questions over HTTP: the web page, the API, OpenAI clients and MCP.

    --set takes settings of the server (limits.waiting=64) and of the indexes' recipes (answer.n_documents=5).
    """
    settings = _settings(**options)
    from ragqa.serve import run

    names = ", ".join(settings.indexes)
    run.serve(settings, lambda address: click.echo(f"ragqa answers from {names} at {address} (Ctrl+C stops it)"))


@click.command()
@click.option("--http", is_flag=True, help="Listen on HTTP (/mcp) instead of stdin and stdout.")
@_server_options
def mcp(http: bool, **options: Any) -> None:
    """Serve the tools search, ask and get_document to an MCP client, over stdio or HTTP."""
    settings = _settings(**options)
    from ragqa.serve import run

    if not http:
        run.serve_mcp_stdio(settings)
        return
    names = ", ".join(settings.indexes)
    run.serve_mcp_http(settings, lambda address: click.echo(f"MCP tools over {names} at {address} (Ctrl+C stops it)"))


def _settings(
    *,
    settings_name: str,
    indexes: tuple[str, ...],
    host: str | None,
    port: int | None,
    workers: int | None,
    ray_address: str | None,
    keys_file: str | None,
    allow_without_keys: bool,
    overrides: tuple[str, ...],
) -> "ServeSettings":
    """The settings file, with what was given on the command line in its place."""
    from dataclasses import replace

    _check_installed()
    from ragqa.serve.settings import load

    settings = load(settings_name, overrides)
    security = replace(
        settings.security,
        keys_file=settings.security.keys_file if keys_file is None else keys_file,
        allow_without_keys=allow_without_keys or settings.security.allow_without_keys,
    )
    return replace(
        settings,
        indexes=indexes or settings.indexes,
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
        workers=settings.workers if workers is None else workers,
        cluster=settings.cluster if ray_address is None else replace(settings.cluster, ray=ray_address),
        security=security,
    )


def _check_installed() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("fastapi", "uvicorn", "prometheus_client", "mcp") if find_spec(name) is None]
    if missing:
        raise BackendError(f"{', '.join(missing)} not installed; run: pip install 'ragqa[serve]'")
