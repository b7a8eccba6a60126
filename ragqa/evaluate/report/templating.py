"""The pages' templates (``templates/``), rendered by Jinja2 with everything escaped that comes from runs."""

import functools
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from jinja2 import Environment


@functools.cache
def _pages() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("ragqa.evaluate.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )


def render(template: str, **values: Any) -> bytes:
    """The page in UTF-8."""
    return _pages().get_template(template).render(**values).encode()


def as_data(value: Any) -> str:
    """The value as JSON that can stand inside a script element: nothing in it ends the element."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")
