"""A checked text as a JSON schema; ``services/checked.schema.json`` is its dump.

``python -m ragqa.check.schema > services/checked.schema.json`` writes it anew.
"""

import sys

from ragqa.check.types import Checked
from ragqa.contract import published


def dump() -> bytes:
    """The schema as the published file holds it."""
    return published("checked", Checked)


if __name__ == "__main__":
    sys.stdout.buffer.write(dump())
