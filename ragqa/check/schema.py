"""A checked text as a JSON schema; ``services/checked.schema.json`` is its dump.

``python -m ragqa.check.schema > services/checked.schema.json`` writes it anew.
"""

import sys
from typing import Any

import msgspec

from ragqa.check.types import Checked


def checked_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of :class:`ragqa.check.types.Checked`, with the version of the contract."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:ragqa:checked:{Checked.__dataclass_fields__['schema_version'].default}",
        **msgspec.json.schema(Checked),
    }


def dump() -> bytes:
    """The schema as the published file holds it."""
    return msgspec.json.format(msgspec.json.encode(checked_schema(), order="deterministic"), indent=2) + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(dump())
