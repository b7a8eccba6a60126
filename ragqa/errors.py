"""The errors of ragqa: one small tree.

Every message names the bad value, what is allowed, and the next step. The command line prints the message
as one line and exits with ``exit_code``; nothing else of an error reaches a user.
"""

import difflib
from collections.abc import Iterable


class RagqaError(Exception):
    """Base of all errors that ragqa raises on purpose."""

    exit_code = 1


class UsageError(RagqaError):
    """A wrong argument, setting or name: the person who called can mend it at once."""

    exit_code = 2


class RecipeError(UsageError):
    """An unknown key or a value that is not allowed in a recipe."""


class SourceError(RagqaError):
    """An input file that is missing, empty, truncated, corrupt or not of the expected format."""


class ProductError(RagqaError):
    """A built corpus or index that is missing, damaged, or does not fit the others."""


class BackendError(RagqaError):
    """Something that the machine lacks: Java, a package, a model's files, memory or disk."""


class EndpointError(BackendError):
    """A language model's endpoint that cannot be reached, refuses a request, or answers with something unusable."""


class ClusterError(BackendError):
    """Machines of a cluster that do not answer, so that a part of an index cannot be searched at the moment."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A phrase that helps after a wrong name: the nearest known name, and all of them.

    >>> nearest("samle", ["sample", "default"])
    "did you mean 'sample'? Known: default, sample"
    >>> nearest("x", [])
    'none is known'
    """
    names = sorted(set(known))
    if not names:
        return "none is known"
    close = difflib.get_close_matches(name, names, n=1)
    listing = f"Known: {', '.join(names)}"
    return f"did you mean {close[0]!r}? {listing}" if close else listing
