"""Facts in long answers: the share of an answer's statements that a named judge finds borne out by texts.

By the passages that the answer was given this is RAGAS' faithfulness (Es et al., EACL 2024); by gold or reference text
it is the factual precision of FActScore (Min et al., EMNLP 2023) and of DAHL, which is on medicine (Seo et al. 2024).
Statements are sentences, or with a language model the atomic facts that it splits them into. Each figure carries the
judge's name, because it says as much about the judge as about the answers: ``faithfulness[NAME]``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from ragqa.corpus.sentences import split_sentences
from ragqa.errors import UsageError
from ragqa.evaluate.measures.entailment import EntailmentModel, Judgement, LexicalOverlap, judged
from ragqa.evaluate.measures.measure import Declaration, Scores, answered_measure, mean_measure, ratio
from ragqa.types import Answer

NAMES = {"given": "faithfulness", "cited": "cited_faithfulness", "gold": "factual_precision"}
"""What an answer is judged by → the measure: the passages it was given, the sections it cites, gold and reference."""

SENTENCES, FACTS = "sentences", "facts"
UNITS = (SENTENCES, FACTS)

DECLARATIONS = tuple(
    declaration
    for name in NAMES.values()
    for declaration in (
        Declaration(f"{name}[*]"),
        Declaration(f"{name}_answered[*]", denominator="answered questions", is_conditional=True, combine=ratio),
    )
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement, the passages that it is judged by, and the question that it is part of the answer to."""

    text: str
    passages: tuple[str, ...]
    question: str = ""


@dataclass(frozen=True, slots=True)
class Split:
    """The facts that a sentence says; ``error`` tells why it was not split: it is then its own only fact."""

    facts: tuple[str, ...]
    error: str = ""
    failed: bool = False


class FactJudge(Protocol):
    """Judges statements by passages. ``name`` changes with everything that changes a judgement."""

    @property
    def name(self) -> str:
        """What stands in the measure's name."""

    def judge(self, claims: Sequence[Claim]) -> Sequence[Judgement]:
        """A judgement of each claim; one that could not be made has its ``error`` and is never left out."""


@runtime_checkable
class FactSplitter(Protocol):
    """A judge that also splits sentences into atomic facts."""

    def split(self, sentences: Sequence[str]) -> Sequence[Split]:
        """The facts of each sentence."""


@dataclass(frozen=True, slots=True)
class PassageJudge:
    """An entailment model as judge: a statement is supported where one of the passages entails it by itself.

    A statement that only several passages together bear out counts as not supported. Its strength is that of the
    passage that speaks for it most. A statement that is, word for word, a sentence of a passage is supported without
    asking the model: small models do not find every sentence entailed by itself (the trained reader 86 of 100).
    """

    model: EntailmentModel

    @property
    def name(self) -> str:
        """The model's own name, and that quotations need no model: ``reader@c5a27304+quotes``."""
        return f"{self.model.name}+quotes"

    def judge(self, claims: Sequence[Claim]) -> list[Judgement]:
        """See :class:`FactJudge`; without a passage nothing is supported."""
        sentences = {text: _sentences(text) for text in {text for claim in claims for text in claim.passages}}
        quoted = [any(_plain(claim.text) in sentences[text] for text in claim.passages) for claim in claims]
        asked = [() if is_quote else claim.passages for claim, is_quote in zip(claims, quoted, strict=True)]
        pairs = [(text, claim.text) for claim, passages in zip(claims, asked, strict=True) for text in passages]
        each = iter(judged(self.model, pairs))
        return [
            Judgement(True, 1.0) if is_quote else _strongest([next(each) for _ in passages])
            for passages, is_quote in zip(asked, quoted, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class JudgedStatement:
    """A statement of an answer as it was judged; strength and error are those of :class:`Judgement`."""

    text: str
    supported: bool
    strength: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """The statements of one question's answer as they were judged.

    Attributes
    ----------
    id
        The question.
    statements
        Empty under an abstention, or where the question ended in an error.
    n_passages
        Passages that it was judged by. Without any, nothing is supported; a question without gold is left out.
    n_cut
        Passages that were not read with some statement for lack of room.
    n_unsplit
        Sentences that could not be split into facts and were judged whole.
    failure
        Why the judge could not be asked about some of it, so that judging again may help; "" where it could.
    """

    id: str
    statements: tuple[JudgedStatement, ...] = field(default=())
    n_passages: int = 0
    n_cut: int = 0
    n_unsplit: int = 0
    failure: str = ""

    @property
    def share(self) -> float:
        """The share of its statements that are supported; 0 where it has none."""
        return sum(one.supported for one in self.statements) / len(self.statements) if self.statements else 0.0


def sentences_of(answer: Answer) -> list[str]:
    """The sentences of an answer: of its statements, or of its text where it has none."""
    texts = [statement.text for statement in answer.statements] or [answer.text]
    return [sentence for text in texts for begin, end in split_sentences(text) if (sentence := text[begin:end].strip())]


def judge_name(judge: FactJudge, units: str) -> str:
    """What stands in the brackets: the judge, and the units where these are not sentences."""
    return judge.name if units == SENTENCES else f"{judge.name}/{units}"


def score_facts(answers: Sequence[JudgedAnswer], against: str, judge: str) -> Scores:
    """The share of supported statements, over all questions, and over the answers alone as RAGAS and DAHL have it.

    Parameters
    ----------
    answers
        One for each question.
    against
        A key of :data:`NAMES`. By ``gold``, questions without any are left out.
    judge
        The judge's name with the units: it becomes part of the measures' names.

    Returns
    -------
    Scores
        ``NAME[JUDGE]``, in which a question without an answer has 0, and, where there is any answer,
        ``NAME_answered[JUDGE]``. A statement without a judgement counts as not supported. Counts: ``n_questions``,
        ``n_without_gold`` (left out), ``n_abstained`` (no statements), ``n_statements``, ``n_supported``,
        ``n_unjudged`` (statements without a judgement), ``n_unsplit`` (sentences judged whole, as they could not be
        split), ``n_passages_cut`` (not read for lack of room).

    Raises
    ------
    UsageError
        No question has anything to be judged by, or ``against`` is unknown.
    """
    if against not in NAMES:
        raise UsageError(f"answers are not judged by {against!r}; known: {', '.join(NAMES)}")
    counted = [one for one in answers if one.n_passages or against != "gold"]
    if not counted:
        raise UsageError(
            f"none of the {len(answers)} questions has gold or reference text to judge answers by; judge them by what "
            "they were given: --against given"
        )
    statements = [statement for one in counted for statement in one.statements]
    unjudged = [statement.error for statement in statements if statement.error]
    whole, answered = f"{NAMES[against]}[{judge}]", f"{NAMES[against]}_answered[{judge}]"
    shares = {one.id: one.share for one in counted}
    measures = {whole: mean_measure(whole, shares)}
    if statements:
        of_answers = {one.id: one.share for one in counted if one.statements}
        measures[answered] = answered_measure(answered, tuple(shares), of_answers)
    counts = {
        "n_questions": len(counted),
        "n_without_gold": len(answers) - len(counted),
        "n_abstained": sum(not one.statements for one in counted),
        "n_statements": len(statements),
        "n_supported": sum(statement.supported for statement in statements),
        "n_unjudged": len(unjudged),
        "n_unsplit": sum(one.n_unsplit for one in counted),
        "n_passages_cut": sum(one.n_cut for one in counted),
    }
    return Scores(measures, counts, tuple(_notes(whole, judge, counts, unjudged)))


def _notes(measure: str, judge: str, counts: dict[str, int], unjudged: Sequence[str]) -> list[str]:
    notes = []
    if judge.startswith(LexicalOverlap.KIND):
        notes.append(f"{measure}: {judge} is no entailment model")
    if unjudged:
        notes.append(
            f"{measure}: {len(unjudged)} of {counts['n_statements']} statements have no judgement and count as not "
            f"supported; the first: {unjudged[0]}"
        )
    if counts["n_unsplit"]:
        notes.append(f"{measure}: {counts['n_unsplit']} sentences could not be split into facts and were judged whole")
    if counts["n_passages_cut"]:
        notes.append(f"{measure}: {counts['n_passages_cut']} passages were not read, as the judge had no room for them")
    return notes


def _sentences(text: str) -> frozenset[str]:
    return frozenset(_plain(text[begin:end]) for begin, end in split_sentences(text))


def _plain(sentence: str) -> str:
    return " ".join(sentence.casefold().split())


def _strongest(judgements: Sequence[Judgement]) -> Judgement:
    """The judgement of several passages: an entailing one before any other, then the strongest."""
    return max(judgements, key=lambda one: (one.entailed, one.strength), default=Judgement(False, 0.0))
