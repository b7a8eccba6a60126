"""Pages from the templates of a room (its folder ``templates/``), with everything escaped that is filled in."""

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


@functools.cache
def _pages(package: str) -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader(package)
    return Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)


def page(package: str, template: str, **values: Any) -> bytes:
    """The page in UTF-8; ``package`` is for example ``ragqa.check``."""
    return _pages(package).get_template(template).render(**values).encode()
