"""What ragqa gives out, as JSON schemas that other programs can rely on."""

from typing import Any

import msgspec


def published(kind: str, contract: type[Any]) -> bytes:
    """JSON Schema (draft 2020-12) of a dataclass with a ``schema_version``, as the file under ``services/`` holds it.

    >>> from ragqa.types import Answer
    >>> b'"$id": "urn:ragqa:answer:' in published("answer", Answer)
    True
    """
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:ragqa:{kind}:{contract.__dataclass_fields__['schema_version'].default}",
        **msgspec.json.schema(contract),
    }
    return msgspec.json.format(msgspec.json.encode(schema, order="deterministic"), indent=2) + b"\n"
