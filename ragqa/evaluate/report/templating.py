"""The pages of reports, from ``templates/``."""

from typing import Any

import msgspec

from ragqa.render.page import page


def render(template: str, **values: Any) -> bytes:
    """The page in UTF-8, with everything escaped that comes from runs."""
    return page("ragqa.evaluate.report", template, **values)


def as_data(value: Any) -> str:
    """The value as JSON that can stand inside a script element: nothing in it ends the element."""
    return msgspec.json.encode(value).decode().replace("<", "\\u003c")
