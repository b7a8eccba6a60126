"""What is asked."""

from dataclasses import dataclass
from typing import Literal

QuestionType = Literal["yesno", "factoid", "list", "summary"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. ``type`` None means that the reader decides from the wording."""

    text: str
    id: str = ""
    type: QuestionType | None = None
