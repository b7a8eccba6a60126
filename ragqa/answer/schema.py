"""The answer contract as a JSON schema; ``services/answer.schema.json`` is its dump.

``python -m ragqa.answer.schema > services/answer.schema.json`` writes it anew.
"""

import sys
from typing import Any

import msgspec

from ragqa.types import Answer


def answer_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of :class:`ragqa.types.Answer`, with the version of the contract."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:ragqa:answer:{Answer.__dataclass_fields__['schema_version'].default}",
        **msgspec.json.schema(Answer),
    }


def dump() -> bytes:
    """The schema as the published file holds it."""
    return msgspec.json.format(msgspec.json.encode(answer_schema(), order="deterministic"), indent=2) + b"\n"


if __name__ == "__main__":
    sys.stdout.buffer.write(dump())
