"""Few-shot examples: solved questions, of which the nearest to the one asked are shown.

Choosing them by nearest neighbours is what Medprompt (Nori et al. 2023) and OpenMedLM (Maharjan et al. 2024) do.
"""

import functools
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from ragqa.answer import terms
from ragqa.answer.reading import Encode
from ragqa.corpus import words
from ragqa.decoding import from_json
from ragqa.errors import SourceError, UsageError
from ragqa.types import Question, QuestionType

_ALLOWED_SPLITS = ("train", "dev")


@dataclass(frozen=True, slots=True)
class ExampleSource:
    """An article that an example is solved from."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Example:
    """A solved question.

    Attributes
    ----------
    id, question, type
        As in :class:`ragqa.types.Question`.
    answer
        What the model should have replied: one word for a yes/no question, else the answer in words.
    split
        The part of its data set that it is from, ``train`` or ``dev``; test questions are refused.
    rationale
        Reasoning that leads to the answer, shown where the model reasons first; where it is "", the model reasons
        itself, and what leads it to the right answer is shown (as in Medprompt).
    sources
        The articles that the answer is from. Where the model is shown sources, examples that have some come first.
    answers, statements
        The exact answers, and the sentences that say why, as the model should have written them; empty: ``answer``.
    """

    id: str
    question: str
    type: QuestionType
    answer: str
    split: str
    rationale: str = ""
    sources: tuple[ExampleSource, ...] = ()
    answers: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()


class ExamplePool:
    """Examples from which the nearest are chosen; may be shared between threads."""

    def __init__(self, examples: Sequence[Example], encode: Encode | None = None) -> None:
        self._examples = tuple(examples)
        self._encode = encode
        self._lock = threading.Lock()
        self._vectors: np.ndarray | None = None

    def nearest(
        self, question: Question, question_type: QuestionType, n: int, *, with_sources: bool = False
    ) -> list[Example]:
        """The ``n`` nearest examples of the same type, the nearest last, where models heed it most.

        ``with_sources`` takes only examples that are solved from sources, where the pool has any of the type.

        Neither the question itself is among them, whatever its case and punctuation, nor one of the same id.
        Nearness is the cosine of the encoder's vectors, or the share of weighted words without an encoder.
        """
        asked = _normalised(question.text)
        places = [
            place
            for place, example in enumerate(self._examples)
            if example.type == question_type
            and _normalised(example.question) != asked
            and not (question.id and example.id == question.id)
        ]
        if with_sources:
            places = [place for place in places if self._examples[place].sources] or places
        if not places or n == 0:
            return []
        nearness = self._nearness(question.text, places)
        best = np.argsort(-nearness, kind="stable")[:n]
        return [self._examples[places[place]] for place in reversed(best.tolist())]

    def _nearness(self, text: str, places: Sequence[int]) -> np.ndarray:
        if self._encode is None:
            wanted = words.content_stems(text)
            found = [frozenset(words.content_stems(self._examples[place].question)) for place in places]
            return np.array([terms.coverage(wanted, stems) for stems in found])
        with self._lock:
            if self._vectors is None:
                self._vectors = self._encode([example.question for example in self._examples])
        return np.asarray(self._vectors[list(places)] @ self._encode([text])[0])


@functools.lru_cache(maxsize=8)
def load_examples(path: Path) -> tuple[Example, ...]:
    """Read a JSON Lines file of examples.

    Raises
    ------
    SourceError
        The file cannot be read, or a line is not an example.
    UsageError
        An example is from a test split.
    """
    examples = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise SourceError(f"cannot read the examples {path}: {error.strerror}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            example = from_json(line, Example)
        except msgspec.DecodeError as error:
            raise SourceError(
                f"{path}, line {number}: {error}; a line needs id, question, type, answer and split"
            ) from error
        if example.split not in _ALLOWED_SPLITS:
            raise UsageError(
                f"{path}, line {number}: the split is {example.split!r}; examples must come from "
                f"{' or '.join(_ALLOWED_SPLITS)}, never from test data"
            )
        examples.append(example)
    if not examples:
        raise SourceError(f"{path} holds no examples")
    return tuple(examples)


def _normalised(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.lower()))
