"""One message of a conversation."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Turn:
    """What somebody said: ``user`` asks, ``assistant`` answered."""

    role: Literal["user", "assistant"]
    text: str
