"""An answer, with everything that stands beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ragqa.types.questions import Question
from ragqa.types.search import Hit

VerdictLabel = Literal["yes", "no", "maybe"]
StudyDirection = Literal["increased", "decreased", "improved", "worsened", "no difference", ""]


@dataclass(frozen=True, slots=True)
class Span:
    """The very words that a statement rests on: ``quote == section_text[begin:end]``, offsets in characters."""

    document_id: str
    section: str
    begin: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of an answer with the spans that it rests on and how well they support it (0 to 1)."""

    text: str
    spans: tuple[Span, ...]
    support: float


@dataclass(frozen=True, slots=True)
class ExactAnswer:
    """A candidate answer to a factoid or list question, with its score (0 to 1) and where it was read."""

    text: str
    score: float
    synonyms: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """An article as an answer shows it: cited, or among the nearest articles of an abstention.

    ``evidence_level`` is one of ``ragqa.corpus.evidence.LEVELS``.
    """

    document_id: str
    title: str
    journal: str = ""
    year: int | None = None
    publication_types: tuple[str, ...] = ()
    evidence_level: str = ""
    retracted: bool = False
    cited: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class Study:
    """An article as a row of an evidence table; "" or None stands where its text does not tell plainly.

    Attributes
    ----------
    design
        For example ``randomised controlled trial`` or ``cohort study``.
    participants
        How many people took part.
    population, intervention, comparator, outcome
        In the words of the title or the abstract.
    direction
        What ``quote`` says happened; "" too where it says several things.
    quote
        The first words of the article that the answer cites, or a sentence of its conclusion.
    """

    document_id: str
    design: str = ""
    participants: int | None = None
    population: str = ""
    intervention: str = ""
    comparator: str = ""
    outcome: str = ""
    direction: StudyDirection = ""
    quote: Span | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the reader of an answer must know.

    ``kind`` is ``retracted``, ``partly_retracted``, ``expression_of_concern``, ``erratum``, ``republished`` (in a new
    form), ``outdated``, ``conflicting``, ``citation_removed``,
    ``unsupported`` (statements that no source supports), ``false_presupposition`` (the question takes something for
    granted that the sources deny), ``without_sources``, ``trimmed`` (sources did not fit the model's context),
    ``cut_off`` (a reply broke off), ``language`` (the question is not in English), ``normalised`` (abbreviations of
    the question were written out or its spelling changed: what was read as what), ``unknown_words`` (no article of
    the index has some words of the question: which), ``unmentioned_names`` (none of the articles found has some names
    of it: which), ``partly_read`` (the time for reading ended before all articles found were read),
    ``verdict_withheld`` (no verdict is likely enough, or a generator's statements say the opposite of its verdict),
    ``completed`` (the question leant on earlier ones: how it was read), ``asked_back`` (it could be read in several
    ways: the reason asks which), ``partly_searched`` (machines that hold a part of the index did not answer: which
    part), or ``degraded`` (something
    failed or was lacking on the way); ``document_id`` is "" where no single article is meant.
    """

    kind: str
    message: str
    document_id: str = ""


@dataclass(frozen=True, slots=True)
class Generation:
    """What a language model did for an answer, so that it can be traced; never part of the answer itself.

    Attributes
    ----------
    models
        The models that were asked.
    prompts_hash
        Hash of all prompts in force.
    n_requests, prompt_tokens, completion_tokens
        Replies asked for, and tokens over all of them, as the server counts them.
    cut
        The sentences that were left out because the model's context was full.
    dropped
        Ids of the documents of which nothing was shown for that reason.
    reasoning
        What the models thought aloud before their replies, one entry for each reply that had any.
    n_citations_removed
        Citations that were taken out: numbers of no source, and articles that do not support their statement.
    n_statements_unsupported
        Statements that no cited article supports, whether they were removed or marked.
    """

    models: tuple[str, ...] = ()
    prompts_hash: str = ""
    n_requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cut: tuple[Span, ...] = ()
    dropped: tuple[str, ...] = ()
    reasoning: tuple[str, ...] = ()
    n_citations_removed: int = 0
    n_statements_unsupported: int = 0


@dataclass(frozen=True, slots=True)
class SearchStep:
    """One of the searches of a reader that searches several times: the query, and what it brought, best first."""

    query: str
    document_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer contract; ``services/answer.schema.json`` is its published JSON schema.

    Attributes
    ----------
    schema_version
        Version of this contract; raised when a field is removed or changes its meaning.
    text
        The statements joined into one short text; "" under an abstention.
    verdict, verdict_probabilities
        For yes/no questions: the label, and the probability of each label (they add up to 1).
    exact_answers
        For factoid questions candidates, best first; for list questions the items.
    statements
        Each sentence with its spans; empty under an abstention.
    sources
        The cited articles, or, under an abstention, the nearest articles.
    hits
        What retrieval returned, with all stage scores; what several searches returned as one list.
    abstained, reason
        True with the reason where the evidence does not suffice.
    timings_ms
        Milliseconds of each stage and ``total``.
    manifest_hash
        Hash of the index's manifest: which corpus, index and recipe gave this answer.
    generation
        What a language model did for the answer; None where none was asked.
    searches
        The searches of a reader that searches several times, in order; empty where the question was searched for once.
    studies
        The articles of ``sources`` as rows of an evidence table, in the same order.
    """

    question: Question
    text: str = ""
    verdict: VerdictLabel | None = None
    verdict_probabilities: Mapping[str, float] = field(default_factory=dict)
    exact_answers: tuple[ExactAnswer, ...] = ()
    statements: tuple[Statement, ...] = ()
    sources: tuple[Source, ...] = ()
    hits: tuple[Hit, ...] = ()
    abstained: bool = False
    reason: str = ""
    notices: tuple[Notice, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    manifest_hash: str = ""
    generation: Generation | None = None
    searches: tuple[SearchStep, ...] = ()
    studies: tuple[Study, ...] = ()
    schema_version: str = "1"
