"""What the model is trained on: a query, the sentences of a passage, and what is known about them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

YES, NO, NOTHING = 1, 2, 4
INCREASE, DECREASE, NO_DIFFERENCE, SAYS_NOTHING = 1, 2, 4, 8
UNKNOWN = 0


@dataclass(frozen=True, slots=True)
class Example:
    """One input with its labels.

    Attributes
    ----------
    query
        Question, claim, or intervention and outcome.
    sentences
        The passage.
    evidence
        For each sentence 1 where it is evidence, 0 where not, -1 where that is not known.
    stance, direction
        For each sentence the labels that are possible, as bits; 0 where nothing is known.
    stance_of_all, direction_of_all
        The same for the passage as a whole.
    relevance
        1 where the passage answers the query, 0 where not, -1 where that is not known.
    answers
        Exact answers, as (sentence, begin, end); None where they are not known.
    """

    query: str
    sentences: tuple[str, ...]
    evidence: tuple[int, ...] = ()
    stance: tuple[int, ...] = ()
    direction: tuple[int, ...] = ()
    stance_of_all: int = UNKNOWN
    direction_of_all: int = UNKNOWN
    relevance: int = -1
    answers: tuple[tuple[int, int, int], ...] | None = None


@dataclass(slots=True)
class Pool:
    """Examples of one kind from one source, in groups: the passages of one query compete within their group.

    Attributes
    ----------
    name
        ``SOURCE.KIND``.
    share
        Its share of the tokens that the model reads in training.
    groups
        Groups of one example, or of a relevant passage and others that are not.
    """

    name: str
    share: float
    groups: list[Sequence[Example]] = field(default_factory=list)

    def add(self, *examples: Example) -> None:
        """Append a group."""
        self.groups.append(examples)
