"""Claims and questions on trials that documents are to label, and what they say."""

from collections.abc import Mapping
from dataclasses import dataclass

from ragqa.types.answers import Span


@dataclass(frozen=True, slots=True)
class TrialQuestion:
    """What is asked of a trial: what ``intervention``, compared with ``comparator``, does to ``outcome``."""

    intervention: str
    comparator: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Proposition:
    """What is to be labelled by evidence.

    Attributes
    ----------
    text
        The claim, or the question on a trial in words.
    labels
        The labels to choose from: ``supports``, ``contradicts`` (and ``neither``) for a claim; ``increased``,
        ``decreased``, ``no difference`` for a question on a trial.
    trial
        The question on a trial in its parts; None for a claim.
    """

    text: str
    labels: tuple[str, ...]
    trial: TrialQuestion | None = None


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """A span that a reader weighed as evidence; ``chosen`` where it shows it as such."""

    span: Span
    score: float
    chosen: bool = True


@dataclass(frozen=True, slots=True)
class Labelling:
    """What documents say to a proposition: the probability of each label, adding up to 1, and the evidence, best first.

    ``probabilities`` is empty where no label could be read.
    """

    probabilities: Mapping[str, float]
    evidence: tuple[ScoredSpan, ...] = ()
