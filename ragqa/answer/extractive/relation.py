"""What passages say to a question or claim: yes, no, or nothing of it, for each sentence and for the whole.

A question that asks for a direction ("Does A reduce B?") is read with the words of its direction masked: the model
tells what happens to the outcome, and rules compare that with what was asked. Of a claim, this is mixed with what it
says to the claim as it stands. "Is it false that …" is taken off before reading and turns the result round.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ragqa.answer import terms
from ragqa.answer.assertion import Assertion, Direction, Found, asserted, holds
from ragqa.answer.assertion_cues import fitting
from ragqa.answer.assertion_words import WORDS
from ragqa.answer.opposite import opposed
from ragqa.corpus.words import content_stems
from ragqa.reader.answers import Found as FoundAnswer
from ragqa.reader.model import PassageReading, ReaderModel, pooled, sigmoid

MASK = "[MASK]"
QUESTION_WEIGHT, CLAIM_WEIGHT = 1.0, 0.5
"""Weight of the masked reading, for questions and for claims that have a direction; chosen on development data."""
DIRECTED_WORDS = 180
"""Words of the pieces in which a question's direction is looked for: who was compared with whom stands further off."""
_TURNED = [1, 0, 2]
_NO_STANCE, _NO_DIRECTION = np.eye(3)[-1], np.eye(4)[-1]

_SHARPNESS = 3
"""For questions, what was found counts by this power of its probability: of more, less and the same, the likeliest."""

_READ_ALONE = 6  # sentences of a document
_NAMES_NOTHING = 0.05
"""What a sentence that does not name the outcome counts by, squared: it may use other words."""

Directed = tuple[np.ndarray, np.ndarray]

_FALSITY = re.compile(
    r"\A\W*(?:is it|it is|it was|was it) (?:false|untrue|incorrect|wrong|not true|not the case|a myth) that\s+",
    re.IGNORECASE,
)
_NEGATOR_BEFORE = re.compile(r"\b(?:not|never|no)\s+(?=(?:\w+\s+){0,2}\[MASK\])", re.IGNORECASE)
"""The rules read the denial; the model is asked what happened."""
_CHANGE_OF = re.compile(r"(\w+) (?:of|in) ", re.IGNORECASE)
_OF_WORTH = re.compile(
    r"\b(?:better|worse)(?: \w+)? than\b|\b(?:superior|inferior|preferable) to\b"
    r"|\A\W*(?:is|are|was|were)\b.*\b(?:more|less) \w+ than\b",
    re.IGNORECASE | re.DOTALL,
)
"""What asks which of two is better: "more" is then no more of an outcome, and a masked reading takes it for that."""
_FOUND: tuple[Found, ...] = ("increased", "decreased", "no difference")


@dataclass(frozen=True, slots=True)
class Query:
    """A question or claim as the model reads it.

    Attributes
    ----------
    text
        Without "Is it false that".
    masked
        The text with the words of its direction masked; "" where it has none, or asks for a difference of any kind or
        which of two is better.
    opposite
        The question with its direction turned round; "" where it has none.
    told
        What the text asserts.
    turned
        Whether "Is it false that" was taken off, so that yes means no.
    """

    text: str
    masked: str
    opposite: str
    told: Assertion
    turned: bool

    @property
    def asks(self) -> bool:
        """Whether it is a question."""
        return _is_question(self.text)

    @property
    def directed(self) -> bool:
        """Whether it is a question for a direction that has an opposite."""
        return bool(self.masked and self.opposite)

    @property
    def outcome(self) -> list[str]:
        """Stems of what follows the words of its direction; of all of it, where nothing follows."""
        last = max((end for _, end in self.told.cues), default=0)
        return content_stems(self.text[last:]) or content_stems(self.text)


@dataclass(frozen=True, slots=True)
class Relation:
    """What a passage says to a query.

    Attributes
    ----------
    of_all
        Probabilities of yes, no and nothing for the passage, float64 [3].
    of_sentences
        The same for each sentence, float64 [n_sentences, 3].
    evidence
        For each sentence the logit that it is evidence, float32 [n_sentences].
    relevance
        Logit that the passage answers the query.
    answers
        Phrases that may be exact answers.
    """

    of_all: np.ndarray
    of_sentences: np.ndarray
    evidence: np.ndarray
    relevance: float
    answers: tuple[FoundAnswer, ...]


def query_of(text: str) -> Query:
    """Prepare a question or claim.

    >>> query_of("Is it false that statins reduce the risk of stroke?").masked
    'Statins [MASK] the risk of stroke?'
    """
    rest = _FALSITY.sub("", text, count=1)
    turned = rest != text
    if turned:
        rest = rest[:1].upper() + rest[1:]
    told = asserted(rest)
    opposite = (opposed(rest) or "") if _is_question(rest) else ""
    told = _of_first_cue(rest, told)
    has_direction = not _is_question(rest) or (opposite and not _OF_WORTH.search(rest))
    return Query(rest, (masked(rest, told) or "") if has_direction else "", opposite, told, turned)


def _of_first_cue(text: str, told: Assertion) -> Assertion:
    """What is asserted of an outcome that is a change itself: "slows the decline of function" is less of a decline.

    An article that tells of it names the change ("attenuated the decline"), and the model reads it so. "Increases
    reductions in" names no change of its own.
    """
    if len(told.cues) < 2 or not text[told.cues[0][1] : told.cues[1][0]].strip():
        return told
    change = _CHANGE_OF.match(text, told.cues[1][0])
    if change is None:
        return told
    less = fitting(WORDS[change[1].lower()], text, change.start()).sense == "down"
    turned: Direction = "decrease" if told.direction == "increase" else "increase"
    return Assertion(turned if less else told.direction, told.negated, told.cues[:1])


def _is_question(text: str) -> bool:
    return text.rstrip().endswith("?")


def masked(text: str, told: Assertion | None = None) -> str | None:
    """The text with the words masked that tell its direction; None where it has no direction.

    >>> masked("Does beta carotene prevent lung cancer?")
    'Does beta carotene [MASK] lung cancer?'
    """
    told = asserted(text) if told is None else told
    for begin, end in sorted(told.cues, reverse=True):
        text = f"{text[:begin]}{MASK}{text[end:]}"
    return _NEGATOR_BEFORE.sub("", text.replace(f"{MASK} {MASK}", MASK)) if told.cues else None


def relate(
    model: ReaderModel,
    query: Query,
    documents: Sequence[Sequence[str]],
    n_directed: int | None = None,
    *,
    until: float = math.inf,
    n_titles: Sequence[int] | None = None,
) -> list[Relation]:
    """What each document, given as its sentences, says to the query.

    Only the ``n_directed`` most relevant ones are read a second time for the direction; None: all. The first documents
    alone are told of where ``until`` is over earlier, as in :meth:`ragqa.reader.model.ReaderModel.read_documents`. Of
    each, the first ``n_titles`` sentences are its title: it names the matter, and says nothing of what came out.
    """
    plain = model.read_documents(query.text, documents, until)
    heads = [0] * len(plain) if n_titles is None else n_titles
    plain = [_untitled(reading, n) for reading, n in zip(plain, heads, strict=False)]
    found: dict[int, Directed] = {}
    if query.masked:
        chosen = sorted(range(len(plain)), key=lambda place: -plain[place].relevance)[:n_directed]
        told = directions(model, query, [documents[place][heads[place] :] for place in chosen])
        for place, (of_all, each) in zip(chosen, told, strict=True):
            found[place] = of_all, np.concatenate([np.tile(_NO_DIRECTION, (heads[place], 1)), each])
    return [_relation(query, reading, found.get(place)) for place, reading in enumerate(plain)]


def _untitled(reading: PassageReading, n_titles: int) -> PassageReading:
    """A reading in which the first sentences say nothing."""
    if not n_titles:
        return reading
    stance = reading.stance.copy()
    stance[:n_titles] = _NO_STANCE
    return replace(reading, stance=stance, stance_of_all=pooled(stance[n_titles:], reading.evidence[n_titles:]))


def stances(model: ReaderModel, query: Query, documents: Sequence[Sequence[str]]) -> list[np.ndarray]:
    """What each document says to the query as it stands: probabilities of yes, no and nothing, float64 [3].

    A question that has an opposite is asked both ways, so that what inclines the model to yes, or to the commoner
    wording, cancels out.
    """
    told = [reading.stance_of_all.astype(np.float64) for reading in model.read_documents(query.text, documents)]
    if query.opposite:
        others = model.read_documents(query.opposite, documents)
        told = [(own + other.stance_of_all[_TURNED]) / 2 for own, other in zip(told, others, strict=True)]
    return [own[_TURNED] if query.turned else own for own in told]


def directions(model: ReaderModel, query: Query, documents: Sequence[Sequence[str]]) -> list[Directed]:
    """What each document says happened: of all, float64 [4], and of each sentence, float64 [n_sentences, 4].

    For a question, the most telling sentences of each document are read by themselves, and count by how much of the
    outcome they name: read among others, a sentence takes on their direction.
    """
    readings = model.read_documents(query.masked, documents, piece_words=DIRECTED_WORDS if query.asks else None)
    if not query.asks:
        return [(reading.direction_of_all.astype(np.float64), reading.direction) for reading in readings]
    told = [sorted(range(len(own)), key=lambda s: -reading.evidence[s])[:_READ_ALONE]
            for own, reading in zip(documents, readings, strict=True)]  # fmt: skip
    alone = iter(
        model.read([(query.masked, [own[s]]) for own, chosen in zip(documents, told, strict=True) for s in chosen])
    )
    found = []
    for own, reading, chosen in zip(documents, readings, told, strict=True):
        each = reading.direction.astype(np.float64)
        weights = np.full(len(own), 1e-9)
        for place in chosen:
            each[place] = next(alone).direction[0]
            named = terms.coverage(query.outcome, set(content_stems(own[place])))
            weights[place] += sigmoid(reading.evidence[place]) * (1 - each[place, 3]) * (named + _NAMES_NOTHING) ** 2
        of_all = weights @ each / weights.sum() if len(own) else _NO_DIRECTION
        found.append((_sharpened(of_all), _sharpened(each)))
    return found


def _relation(query: Query, plain: PassageReading, found: Directed | None) -> Relation:
    of_all, of_sentences = plain.stance_of_all.astype(np.float64), plain.stance.astype(np.float64)
    if found is not None:
        weight = QUESTION_WEIGHT if query.asks else CLAIM_WEIGHT
        happened, each = found
        of_all = weight * compared(query.told, happened) + (1 - weight) * of_all
        of_sentences = weight * compared(query.told, each) + (1 - weight) * of_sentences
    if query.turned:
        of_all, of_sentences = of_all[..., _TURNED], of_sentences[..., _TURNED]
    return Relation(of_all, of_sentences, plain.evidence, plain.relevance, plain.answers)


def _sharpened(direction: np.ndarray) -> np.ndarray:
    """The same probability of nothing, and the rest moved towards the likeliest, [..., 4]."""
    powers = direction[..., :3].astype(np.float64) ** _SHARPNESS
    rest = powers / np.maximum(powers.sum(axis=-1, keepdims=True), 1e-30) * (1 - direction[..., 3:])
    return np.concatenate([rest, direction[..., 3:]], axis=-1)


def compared(told: Assertion, direction: np.ndarray) -> np.ndarray:
    """Probabilities of yes, no and nothing, where what was found has the probabilities ``direction`` [..., 4]."""
    yes = [place for place, found in enumerate(_FOUND) if holds(told, found)]
    no = [place for place in range(len(_FOUND)) if place not in yes]
    return np.stack(
        [direction[..., yes].sum(axis=-1), direction[..., no].sum(axis=-1), direction[..., 3]], axis=-1
    ).astype(np.float64)
