"""The answer contract as a JSON schema; ``services/answer.schema.json`` is its dump.

``python -m ragqa.answer.schema > services/answer.schema.json`` writes it anew.
"""

import sys

from ragqa.contract import published
from ragqa.types import Answer


def dump() -> bytes:
    """The schema as the published file holds it."""
    return published("answer", Answer)


if __name__ == "__main__":
    sys.stdout.buffer.write(dump())
