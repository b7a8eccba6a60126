"""What a client that waits for an answer is told on the way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a waiting client may be told: ``stage``, ``statement`` or ``read_as`` (how a
    message of a conversation is read), ``claim`` or ``reference`` of a text, with what belongs to it.
    """

    kind: str
    data: Any


Report = Callable[[Event], None]
