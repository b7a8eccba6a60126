"""Entailment models by name: does a passage entail a sentence?

Measures that depend on one carry its name. A package adds its own with an entry point in the group
``ragqa.entailment`` that names a function without arguments which opens an :class:`EntailmentModel`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol, runtime_checkable

from ragqa.errors import BackendError, UsageError, nearest

if TYPE_CHECKING:
    from ragqa.reader.model import ReaderModel

GROUP = "ragqa.entailment"
DEFAULT = "word-overlap"
_BATCH = 64


class EntailmentModel(Protocol):
    """Judges whether a premise entails a hypothesis."""

    @property
    def name(self) -> str:
        """What stands in the measure's name; it must change with everything that changes a judgement."""

    def entails(self, pairs: Sequence[tuple[str, str]]) -> Sequence[bool]:
        """Judge (premise, hypothesis) pairs in one batch."""


class Judgement(NamedTuple):
    """Whether a premise entails a hypothesis, and how strongly a model holds so, from 0 to 1.

    ``error`` tells why there is no judgement: ``entailed`` is then False. ``failed`` is True where the judge could not
    be asked at all, so that asking again may help. ``n_cut`` passages had no room and were not read.
    """

    entailed: bool
    strength: float
    error: str = ""
    failed: bool = False
    n_cut: int = 0


@runtime_checkable
class GradedEntailment(EntailmentModel, Protocol):
    """An entailment model that also tells how sure it is, so that its order of pairs can be judged (AUC)."""

    def judgements(self, pairs: Sequence[tuple[str, str]]) -> Sequence[Judgement]:
        """Judge (premise, hypothesis) pairs in one batch."""


@dataclass(frozen=True, slots=True)
class LexicalOverlap:
    """A stand-in that needs no model: enough of the hypothesis's words must occur in the premise.

    It is no entailment model. It knows neither negation nor synonyms, so that a sentence and its opposite are
    judged alike; figures with it are good for finding citations of unrelated text and for tests, not for papers.

    Attributes
    ----------
    threshold
        Least share of the hypothesis's distinct words (of three letters or more, or with a digit) that must
        occur in the premise.
    """

    KIND: ClassVar = "lexical-overlap"
    threshold: float = 0.7

    @property
    def name(self) -> str:
        """For example ``lexical-overlap@0.7``."""
        return f"{self.KIND}@{self.threshold:g}"

    def entails(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        """True where the share of words reaches the threshold; a hypothesis without words is never entailed."""
        return [found.entailed for found in self.judgements(pairs)]

    def judgements(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        """The strength is the share of words."""
        shares = [_word_recall(premise, hypothesis) for premise, hypothesis in pairs]
        return [Judgement(share >= self.threshold, share) for share in shares]


@dataclass(frozen=True, slots=True)
class ReaderEntailment:
    """The small reading model as judge: a hypothesis is entailed where "yes" is likelier than "no" and "nothing".

    It shares its weights with the reader ``extractive``, so that it is no independent judge of that reader's answers.
    """

    model: "ReaderModel"

    @property
    def name(self) -> str:
        """For example ``reader@7e56e3ca``: the first digits of the weights' sha256."""
        return f"reader@{self.model.card.files['reader.onnx'][:8]}"

    def entails(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        """Judge the pairs; those with the same hypothesis are read together."""
        return [found.entailed for found in self.judgements(pairs)]

    def judgements(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        """The strength is the probability of "yes"."""
        from ragqa.answer.extractive.relation import query_of, relate
        from ragqa.corpus.sentences import split_sentences

        by_hypothesis: dict[str, list[int]] = {}
        for place, (_, hypothesis) in enumerate(pairs):
            by_hypothesis.setdefault(hypothesis, []).append(place)
        judged = [Judgement(False, 0.0)] * len(pairs)
        for hypothesis, places in by_hypothesis.items():
            premises = [pairs[place][0] for place in places]
            sentences = [[text[begin:end] for begin, end in split_sentences(text)] for text in premises]
            for place, relation in zip(places, relate(self.model, query_of(hypothesis), sentences), strict=True):
                yes, no, nothing = relation.of_all
                judged[place] = Judgement(bool(yes > max(no, nothing)), float(yes))
        return judged


def entailment_model(name: str = DEFAULT) -> EntailmentModel:
    """Open the entailment model called ``name``.

    Raises
    ------
    UsageError
        There is none; the nearest is named.
    BackendError
        A package that it needs is missing, or the package that adds it does not load.
    """
    if name in _MODELS:
        return _MODELS[name]()
    points = {point.name: point for point in metadata.entry_points(group=GROUP)}
    if name not in points:
        raise UsageError(f"there is no entailment model {name!r}; {nearest(name, [*_MODELS, *points])}")
    try:
        model: EntailmentModel = points[name].load()()
    except (ImportError, AttributeError) as error:
        raise BackendError(f"the entailment model {name!r} of {points[name].value} does not load: {error}") from error
    return model


def judged(model: EntailmentModel, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
    """Judgements of (premise, hypothesis) pairs, batch by batch; those of a model without strengths have 0 or 1."""
    found: list[Judgement] = []
    for begin in range(0, len(pairs), _BATCH):
        batch = pairs[begin : begin + _BATCH]
        if isinstance(model, GradedEntailment):
            found += model.judgements(batch)
        else:
            found += [Judgement(bool(entailed), float(entailed)) for entailed in model.entails(batch)]
    return found


def _reader() -> EntailmentModel:
    from ragqa.reader.model import open_model

    return ReaderEntailment(open_model())


_MODELS: Mapping[str, Callable[[], EntailmentModel]] = {DEFAULT: LexicalOverlap, "reader": _reader}


def _word_recall(premise: str, hypothesis: str) -> float:
    wanted = _content_words(hypothesis)
    return len(wanted & _content_words(premise)) / len(wanted) if wanted else 0.0


def _content_words(text: str) -> set[str]:
    words = re.findall(r"\w+", text.lower())
    return {word for word in words if len(word) > 2 or any(sign.isdigit() for sign in word)}
