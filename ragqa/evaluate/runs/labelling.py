"""Labels of claims and of questions on trials, given documents: whatever reader is configured, and two baselines.

A reader that can label itself is taken at its word (:class:`Labeller`). One that chooses among options is offered
sentences that say what each label means. One that only answers questions is asked the claim as a question.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from ragqa.answer import terms
from ragqa.answer.reader import Reader
from ragqa.corpus import words
from ragqa.corpus.sentences import split_sentences
from ragqa.errors import UsageError, nearest
from ragqa.evaluate.runs.choice import Chooser
from ragqa.evaluate.tasks.evidence import CONTRADICTS, DECREASED, INCREASED, NEITHER, NO_DIFFERENCE, SUPPORTS
from ragqa.evaluate.tasks.task import Task
from ragqa.types import Document, Labelling, Proposition, Question, ScoredSpan, Span, TrialQuestion

_DENIAL = re.compile(
    r"\b(?:no|not|never|without|neither|nor|cannot|lacks?|fail(?:s|ed)?|unrelated|unaffected)\b|n't\b", re.I
)
_UP = re.compile(r"\b(?:increas|higher|greater|more|longer|improv|rais|elevat|larger)", re.I)
_DOWN = re.compile(r"\b(?:decreas|lower|less|fewer|reduc|shorter|declin|smaller)", re.I)
_NO_DIFFERENCE = re.compile(
    r"\bno (?:statistically |clinically )?(?:significant|difference)|\bnot (?:statistically )?(?:significant|differ)"
    r"|similar|comparable|did not differ|\bns\b|non-?significant",
    re.I,
)
_MEANINGS = {
    SUPPORTS: "The sources support this claim.",
    CONTRADICTS: "The sources contradict this claim.",
    NEITHER: "The sources neither support nor contradict this claim.",
    INCREASED: "The outcome was significantly increased.",
    DECREASED: "The outcome was significantly decreased.",
    NO_DIFFERENCE: "There was no significant difference.",
}


@runtime_checkable
class Labeller(Protocol):
    """Labels a claim, or a question on a trial, by documents. A reader may be one. May be shared between threads."""

    def label(self, proposition: Proposition, documents: Sequence[Document]) -> Labelling:
        """The probability of each of the proposition's labels, and the evidence; ``documents`` may be empty."""
        ...


def labeller_of(reader: Reader) -> Labeller:
    """The reader itself where it labels, else what makes labels of its choices or its verdicts."""
    if isinstance(reader, Labeller):
        return reader
    if isinstance(reader, Chooser):
        return ChoiceLabeller(reader)
    return VerdictLabeller(reader)


class ChoiceLabeller:
    """Labels by a reader's choice among sentences that say what each label means; it shows no evidence."""

    def __init__(self, reader: Chooser) -> None:
        self._reader = reader

    def label(self, proposition: Proposition, documents: Sequence[Document]) -> Labelling:
        """See :class:`Labeller`."""
        asked = proposition.text if proposition.trial else f"Do the sources bear out this claim? {proposition.text}"
        meanings = {_MEANINGS.get(label, label): label for label in proposition.labels}
        chances = self._reader.choose(Question(asked), list(meanings), documents)
        return Labelling({meanings[text]: chance for text, chance in chances.items()})


class VerdictLabeller:
    """Labels by the verdicts of a reader that answers yes/no questions, with its statements as evidence.

    A claim is asked as it stands, which does better than "Is it true that …?". What the documents say counts as far as
    they deal with it: yes and no weigh as much as the root of the fit that the reader sees, and the rest is
    ``neither``. (Both were chosen on 300 of SciFact's training claims: macro-F1 .51; reworded .47, with the fit itself
    .42, without it .24.) On a trial it is asked whether the outcome is increased, and whether it is decreased.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def label(self, proposition: Proposition, documents: Sequence[Document]) -> Labelling:
        """See :class:`Labeller`."""
        if proposition.trial is not None:
            return self._effect(proposition.trial, documents)
        yes, no, evidence = self._asked(proposition.text, documents)
        chances = {SUPPORTS: yes, CONTRADICTS: no, NEITHER: max(1 - yes - no, 0.0)}
        return Labelling(_over(chances, proposition.labels), evidence)

    def _effect(self, trial: TrialQuestion, documents: Sequence[Document]) -> Labelling:
        compared = f"{trial.intervention} {{}} {trial.outcome} compared with {trial.comparator}"
        up, _, evidence = self._asked(f"Does {compared.format('increase')}?", documents)
        down, _, other = self._asked(f"Does {compared.format('decrease')}?", documents)
        chances = {INCREASED: up * (1 - down), DECREASED: down * (1 - up), NO_DIFFERENCE: (1 - up) * (1 - down)}
        return Labelling(_over(chances, tuple(chances)), evidence if up >= down else other)

    def _asked(self, question: str, documents: Sequence[Document]) -> tuple[float, float, tuple[ScoredSpan, ...]]:
        """Probabilities of yes and no, each weighed by how well the documents fit, and the evidence."""
        if not documents:
            return 0.0, 0.0, ()
        reading = self._reader.read(Question(question, type="yesno"), documents, [0.0] * len(documents))
        chances, fit = reading.verdict_probabilities, math.sqrt(reading.strength)
        evidence = tuple(
            ScoredSpan(span, statement.support) for statement in reading.statements for span in statement.spans
        )
        return fit * chances.get("yes", 0.0), fit * chances.get("no", 0.0), evidence


class MajorityLabeller:
    """The same label for everything: the baseline that anything must beat."""

    def __init__(self, label: str) -> None:
        self._label = label

    def label(self, proposition: Proposition, documents: Sequence[Document]) -> Labelling:  # noqa: ARG002
        """See :class:`Labeller`."""
        return Labelling({label: float(label == self._label) for label in proposition.labels})


class NeverLabeller:
    """Abstains on everything: the baseline that is never wrong."""

    def label(self, proposition: Proposition, documents: Sequence[Document]) -> Labelling:  # noqa: ARG002
        """See :class:`Labeller`."""
        return Labelling({})


class OverlapLabeller:
    """Labels by shared words alone: the baseline that understands nothing.

    The sentence that shares most of the claim's words is its evidence. If it shares less than half of them, the label
    is ``neither``; else it contradicts where one of the two has a word of denial and the other has none. On a trial
    the sentence that shares most words with the three parts tells the direction by its words.
    """

    def label(self, proposition: Proposition, documents: Sequence[Document]) -> Labelling:
        """See :class:`Labeller`."""
        trial = proposition.trial
        wanted = frozenset(
            words.content_stems(
                " ".join((trial.intervention, trial.comparator, trial.outcome)) if trial else proposition.text
            )
        )
        spans = [span for document in documents for span in _sentences(document)]
        scored = [(terms.coverage(wanted, set(words.content_stems(span.quote))), span) for span in spans]
        best = max(scored, key=lambda pair: pair[0], default=None)
        told = _direction(best[1].quote if best else "") if trial is not None else _agreement(proposition, best)
        evidence = tuple(ScoredSpan(span, share, chosen=best is not None and span == best[1]) for share, span in scored)
        ordered = tuple(sorted(evidence, key=lambda found: (-found.chosen, -found.score)))
        return Labelling({label: float(label == told) for label in proposition.labels}, ordered)


BASELINES = ("majority", "never", "word-overlap")


def baseline(name: str, task: Task) -> Labeller:
    """The baseline called ``name`` on a task.

    Raises
    ------
    UsageError
        There is none of that name, or the task labels nothing.
    """
    if name not in BASELINES:
        raise UsageError(f"there is no baseline {name!r}; {nearest(name, BASELINES)}")
    if not task.labels or (name == "word-overlap" and not task.asserts):
        labels = "labels claims" if name == "word-overlap" else "gives one of a fixed set of labels"
        raise UsageError(
            f"the baseline {name!r} {labels}, which {task.name!r} does not ask for; leave --baseline out for it"
        )
    if name == "word-overlap":
        return OverlapLabeller()
    if name == "never":
        return NeverLabeller()
    counted = Counter(question.label for question in task.questions if question.label)
    return MajorityLabeller(counted.most_common(1)[0][0] if counted else task.labels[0])


def _over(chances: Mapping[str, float], labels: Sequence[str]) -> dict[str, float]:
    """The probabilities of those labels alone, adding up to 1."""
    total = sum(chances.get(label, 0.0) for label in labels)
    if total <= 0:
        return {label: 1 / len(labels) for label in labels}
    return {label: chances.get(label, 0.0) / total for label in labels}


def _sentences(document: Document) -> list[Span]:
    return [
        Span(document.id, section.name, begin, end, section.text[begin:end])
        for section in document.sections
        if section.name != "title"
        for begin, end in split_sentences(section.text)
    ]


def _agreement(proposition: Proposition, best: tuple[float, Span] | None) -> str:
    if NEITHER in proposition.labels and (best is None or best[0] < 0.5):
        return NEITHER
    denied = bool(_DENIAL.search(proposition.text))
    return CONTRADICTS if best is not None and bool(_DENIAL.search(best[1].quote)) != denied else SUPPORTS


def _direction(sentence: str) -> str:
    up, down = _UP.search(sentence), _DOWN.search(sentence)
    if _NO_DIFFERENCE.search(sentence) or not (up or down):
        return NO_DIFFERENCE
    if up and down:
        return INCREASED if up.start() < down.start() else DECREASED
    return INCREASED if up else DECREASED
