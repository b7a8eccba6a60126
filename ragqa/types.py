"""The nouns that every part of ragqa shares.

They are plain frozen records: no behaviour, no input or output. Functions that work on them live in the
packages that own the work (``ragqa.corpus``, ``ragqa.retrieve``, ``ragqa.answer`` …).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np

QuestionType = Literal["yesno", "factoid", "list", "summary"]
VerdictLabel = Literal["yes", "no", "maybe"]
StudyDirection = Literal["increased", "decreased", "improved", "worsened", "no difference", ""]
Progress = Callable[[str, int, int | None], None]
"""Called as ``progress(stage, done, total)``; ``total`` is None where it is not known beforehand."""


def no_progress(_stage: str, _done: int, _total: int | None) -> None:
    """A :data:`Progress` for whoever wants to be told nothing."""


Tasks = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], Iterator[tuple[int, Any]]]
"""Does ``function(*call)`` for each of some calls on other machines; yields the place of each and what came of it.

They come in the order in which they finish. Where a machine is lost, another one is given its calls: the function must
leave nothing half-done, and may be at work twice on the same call.
"""


@dataclass(frozen=True, slots=True)
class Section:
    """One piece of running text of a document; the unit that character offsets refer to.

    Attributes
    ----------
    name
        Unique within the document: ``title``, ``abstract`` (an abstract of one part), ``abstract.0``,
        ``abstract.1`` … (the parts of a structured abstract, in order), ``other_abstract.0`` … (abstracts
        in other languages or for lay readers: shown, never indexed nor cited).
    text
        The text with inline markup removed and entities decoded; what is raised or lowered is written in the
        signs that Unicode has for it (10⁴, H₂O), else behind ``^`` or ``_``.
    label
        The heading as the journal printed it, for example ``RESULTS``; empty where there is none.
    category
        The NLM category (``BACKGROUND``, ``OBJECTIVE``, ``METHODS``, ``RESULTS``, ``CONCLUSIONS`` …), or "".
    """

    name: str
    text: str
    label: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class PublicationType:
    """A publication type of MEDLINE, for example ``Randomized Controlled Trial`` (``D016449``)."""

    name: str
    ui: str = ""


@dataclass(frozen=True, slots=True)
class MeshHeading:
    """A MeSH descriptor of a document with its qualifiers; ``major`` if it, or a qualifier, is a major topic."""

    name: str
    ui: str = ""
    major: bool = False
    qualifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chemical:
    """A substance that a document is about (MEDLINE ChemicalList).

    ``registry_number`` is a CAS number, a UNII or an EC number; "" where MEDLINE gives none.
    """

    name: str
    ui: str = ""
    registry_number: str = ""


@dataclass(frozen=True, slots=True)
class SupplementaryConcept:
    """A concept beyond the MeSH headings (MEDLINE SupplMeshList); ``kind`` is Disease, Protocol, Organism …"""

    name: str
    ui: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Accession:
    """A number in a data bank: ``ClinicalTrials.gov`` ``NCT00000620``, ``GENBANK`` ``M24126`` …"""

    bank: str
    number: str


@dataclass(frozen=True, slots=True)
class Grant:
    """Who paid: the number of the grant, the acronym of the institute, the agency and its country."""

    number: str = ""
    acronym: str = ""
    agency: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A tie to another article (MEDLINE CommentsCorrections).

    ``kind`` is MEDLINE's RefType: ``RetractionIn``, ``RetractionOf``, ``ExpressionOfConcernIn``,
    ``ErratumIn``, ``UpdateIn`` …; ``document_id`` is "" where MEDLINE gives only a citation text.
    """

    kind: str
    document_id: str = ""
    citation: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """One article or book chapter.

    Attributes
    ----------
    id
        The PMID, or the identifier that the source collection uses.
    version
        MEDLINE's version of the record; the highest one of an id wins, and of equal ones the later source.
    sections
        The texts, the title (where there is one) first.
    title_translated
        True where MEDLINE gives a translation of a title in another language.
    year
        Year of publication, or None where the source does not tell.
    date
        The date as far as known, ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``; "" where unknown.
    affiliations
        Those of each author, in the order of ``authors``; empty where no author has any.
    revised
        When MEDLINE last revised the record, as ``date``.
    languages
        Three-letter codes as MEDLINE writes them (``eng``).
    retracted
        True for a retracted publication (publication type D016441, a ``RetractionIn`` link, or a notice with a
        ``RetractionOf`` link to it).
    source
        Name of the file that the record was read from.
    """

    id: str
    sections: tuple[Section, ...] = ()
    version: int = 1
    title_translated: bool = False
    journal: str = ""
    year: int | None = None
    date: str = ""
    authors: tuple[str, ...] = ()
    publication_types: tuple[PublicationType, ...] = ()
    mesh: tuple[MeshHeading, ...] = ()
    keywords: tuple[str, ...] = ()
    doi: str = ""
    pmcid: str = ""
    languages: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    retracted: bool = False
    source: str = ""
    volume: str = ""
    issue: str = ""
    pages: str = ""
    revised: str = ""
    affiliations: tuple[tuple[str, ...], ...] = ()
    chemicals: tuple[Chemical, ...] = ()
    supplementary_concepts: tuple[SupplementaryConcept, ...] = ()
    accessions: tuple[Accession, ...] = ()
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """Which documents may be found. An empty filter allows every document.

    Different attributes are joined by AND, several values of one attribute by OR. Names are compared
    without regard to case.

    Attributes
    ----------
    year_from, year_to
        Inclusive bounds; a document without a year is left out when either is set.
    publication_types
        Names or UIs of publication types.
    mesh
        Names or UIs of MeSH headings, taken literally here: ``ragqa.retrieve.filter_names.FilterNames`` adds the
        narrower ones.
    journals, languages
        Journal titles; three-letter language codes.
    has_abstract
        True: only documents with an abstract.
    not_retracted
        True: no retracted publications.
    chemicals
        Names, UIs or registry numbers of substances.
    supplementary_concepts
        Names or UIs of MeSH's supplementary concepts.
    accessions
        Numbers of trials and other entries of data banks (``NCT00000620``).
    """

    year_from: int | None = None
    year_to: int | None = None
    publication_types: tuple[str, ...] = ()
    mesh: tuple[str, ...] = ()
    journals: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    has_abstract: bool = False
    not_retracted: bool = False
    chemicals: tuple[str, ...] = ()
    supplementary_concepts: tuple[str, ...] = ()
    accessions: tuple[str, ...] = ()


class Ranked(NamedTuple):
    """Results of a batch of queries, best first.

    Attributes
    ----------
    rows
        int64 [n_queries, k]: rows in the document store; −1 where fewer than k documents were found.
    scores
        float32 [n_queries, k]: higher is better; −inf beside row −1.
    """

    rows: "np.ndarray"
    scores: "np.ndarray"


class PartlyRanked(Ranked):
    """Results of a search that did not reach all rows.

    ``unsearched`` are the ranges of rows, begin and end, whose machines are lost or slow.
    """

    unsearched: tuple[tuple[int, int], ...]

    def __new__(
        cls, rows: "np.ndarray", scores: "np.ndarray", unsearched: tuple[tuple[int, int], ...]
    ) -> "PartlyRanked":
        """Results, and what was not searched for them."""
        made = super().__new__(cls, rows, scores)
        made.unsearched = unsearched
        return made


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved document with the score of the last stage and the scores of every stage before.

    ``scores`` maps a stage (``bm25``, ``dense``, ``fusion``, ``rerank``) to the raw score that it gave;
    a stage that did not find the document is missing from it. ``rank`` counts from 1.
    """

    document_id: str
    row: int
    rank: int
    score: float
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. ``type`` None means that the reader decides from the wording."""

    text: str
    id: str = ""
    type: QuestionType | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """The very words that a statement rests on: ``quote == section_text[begin:end]``, offsets in characters."""

    document_id: str
    section: str
    begin: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class TrialQuestion:
    """What is asked of a trial: what ``intervention``, compared with ``comparator``, does to ``outcome``."""

    intervention: str
    comparator: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Assertion:
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
    """What documents say to an assertion: the probability of each label, adding up to 1, and the evidence, best first.

    ``probabilities`` is empty where no label could be read.
    """

    probabilities: Mapping[str, float]
    evidence: tuple[ScoredSpan, ...] = ()


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
    """An article as an answer shows it: cited, or among the nearest papers of an abstention.

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
    the index has some words of the question: which),
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
        The cited articles, or, under an abstention, the nearest papers.
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
