"""Recipes: TOML files turned into typed, closed settings.

One :class:`Recipe` describes a whole pipeline (index, retrieve, rerank, answer); the command line, the server
and the ablation grid all use it. An unknown key or a value of the wrong kind is an error that names the
nearest known key or what is allowed. A setting of a table can be overridden with ``"table.key=value"``.
"""

import dataclasses
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from ragqa.decoding import from_plain
from ragqa.errors import RecipeError, nearest

PositiveInt = Annotated[int, msgspec.Meta(ge=1)]
NaturalInt = Annotated[int, msgspec.Meta(ge=0)]
NonNegative = Annotated[float, msgspec.Meta(ge=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bm25Settings:
    """How text is indexed and scored by BM25.

    Attributes
    ----------
    engine
        ``lucene``, or ``rank-bm25`` for tiny corpora without Java.
    k1, b
        How soon repetitions of a word cease to count, and how much long documents are discounted. Both hold when
        searching: another value needs no new index.
    fields
        Field → boost. The fields are ``title``, ``abstract``, ``mesh``, ``keywords`` and ``contents`` (title and
        abstract as one text, which is what Anserini's BEIR figures use). Which fields there are is settled when
        building; boosts hold when searching, and 0 leaves a field out. Several fields are scored by BM25F.
    """

    engine: Literal["lucene", "rank-bm25"] = "lucene"
    k1: NonNegative = 0.9
    b: Fraction = 0.4
    fields: dict[str, NonNegative] = field(default_factory=lambda: {"contents": 1.0})


@dataclass(frozen=True, slots=True)
class DenseSettings:
    """How text is encoded and which FAISS index holds the vectors.

    ``encoder`` names a preset (``ragqa.index.presets``), a model on the hub or a folder with one; ``static`` is
    distilled from the default one on the corpus (``ragqa.index.static_build``), ``static:NAME`` from another. The
    settings below it change how the model is used; None, 0 and "" leave that to the preset or the model's own files.
    ``query_encoder`` names a model of its own for the queries. ``precision`` is what the CPU computes with:
    ``auto`` takes int8 where its vectors agree with the original's, else fp32, else PyTorch. A text longer than
    the model's input is cut into passages that share about ``overlap_tokens`` tokens with the one before.
    ``faiss`` is the kind of index, by size where it is ``auto``; of a compressed kind, ``rescore`` candidates (of
    ``ivf-pq-small`` four times as many) are compared with their vectors as they were encoded, none where it is 0.
    ``missing`` says what a build does with a document whose vector is neither known nor in the folder of ``--vectors``:
    ``encode`` it, or ``leave-out``, so that only BM25 finds it. Updates encode what is new.
    """

    encoder: str = "minilm-l6"
    query_encoder: str = ""
    pooling: Literal["mean", "cls", "max"] | None = None
    normalise: bool | None = None
    query_prefix: str | None = None
    passage_prefix: str | None = None
    query_max_tokens: NaturalInt = 0
    passage_max_tokens: NaturalInt = 0
    pair: bool | None = None
    metric: Literal["ip", "l2"] | None = None
    precision: Literal["auto", "int8", "fp32", "torch"] = "auto"
    overlap_tokens: NaturalInt = 32
    faiss: Literal["auto", "flat", "hnsw", "ivf-sq8", "ivf-pq", "ivf-pq-small"] = "auto"
    rescore: NaturalInt = 200
    missing: Literal["encode", "leave-out"] = "encode"


@dataclass(frozen=True, slots=True)
class RetrieveSettings:
    """Which indexes are searched, how deep, and how their results are fused.

    ``depth`` hits of each index are fused. ``dense_weight`` is the weight of the dense index in the convex
    combination of min–max-normalised scores; ``rrf_k`` the constant of reciprocal rank fusion. ``expansion`` lets
    the model of ``answer.chat`` write a passage that is searched for with the question
    (``ragqa.retrieve.expand``), sampled at ``expansion_temperature``. ``normalise`` writes the question as the
    documents do before it is searched for and read: abbreviations, spelling (``ragqa.retrieve.normalise``).
    """

    retrievers: tuple[Literal["bm25", "dense"], ...] = ("bm25", "dense")
    depth: PositiveInt = 100
    fusion: Literal["convex", "rrf"] = "convex"
    dense_weight: Fraction = 0.5
    rrf_k: NonNegative = 60.0
    expansion: Literal["none", "hyde", "query2doc", "lamer"] = "none"
    expansion_temperature: NonNegative = 0.7
    normalise: bool = True


@dataclass(frozen=True, slots=True)
class RerankSettings:
    """Which reranker orders the first ``depth`` hits again, and its weight against the fused score.

    ``evidence_weight`` times the strength of a document's evidence level (0 to 1) is added to its score.
    """

    reranker: str = "none"
    depth: PositiveInt = 20
    weight: Fraction = 0.4
    evidence_weight: NonNegative = 0.0


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """An OpenAI-compatible endpoint, and how it is called.

    Attributes
    ----------
    base_url
        Where it answers, with the version: ``http://127.0.0.1:8001/v1``.
    model
        The model's name there; "" where it serves only one.
    api_key_variable
        The environment variable that holds the key; "" where none is needed. Keys are never written in recipes.
    structured_output
        How answers are held to a form: ``vllm`` (its ``structured_outputs``), ``json-schema``
        (``response_format``, as OpenAI and llama.cpp take it), or ``none``: asked for in words and checked.
    in_flight
        Requests under way at once, at most.
    timeout_s
        Seconds that one request may take.
    retry_s
        Seconds for which a request is tried again after 429, 5xx, a time limit, or a refused or lost connection,
        with growing pauses: long enough for a server to be started anew. An endpoint that has never answered
        yet is given up after 3 seconds.
    max_tokens
        Tokens that one response may have.
    context_tokens
        Tokens of prompt and response together; 0: as the server says, which must then tell ``max_model_len``.
    temperature, seed
        Sampling. Temperature 0 takes the likeliest token; servers are not bit-deterministic even then.
    """

    base_url: str = "http://127.0.0.1:8001/v1"
    model: str = ""
    api_key_variable: str = ""
    structured_output: Literal["vllm", "json-schema", "none"] = "vllm"
    in_flight: PositiveInt = 32
    timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 120.0
    retry_s: NonNegative = 180.0
    max_tokens: PositiveInt = 1024
    context_tokens: NaturalInt = 0
    temperature: NonNegative = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ChatSettings(EndpointSettings):
    """The reader ``chat``: a generator behind an endpoint, and the way in which it is prompted.

    Attributes
    ----------
    prompts
        A folder whose files take the place of the prompts of the same name that come with ragqa; "": none.
    write_statements
        False: yes/no questions get their verdict only, which is what an accuracy needs.
    examples, n_examples
        Few-shot: a JSON Lines file of solved questions and how many of the nearest are shown; 0: zero-shot.
    chain_of_thought
        True: the model reasons in free words first. The reasoning is kept apart from the answer.
    votes, vote_temperature
        Self-consistency: so many samples at this temperature, above 0, vote; 1: a single answer.
    shuffles
        Multiple choice: the options are shown in so many orders, and the probabilities averaged.
    voters
        Further models that vote, ``MODEL@BASE_URL`` each (majority for yes/no, union for factoids and lists).
    retrieval
        ``if-needed``: the model is first asked whether it needs sources. An answer without sources has no
        citations and says so.
    critique
        True: the model judges whether each statement is supported by its source; the lower of its probability
        and the words' agreement counts.
    check_presuppositions
        True: the model first checks whether the question takes something for granted that the sources deny.
    min_support
        Support (0 to 1) below which a statement counts as unsupported.
    unsupported
        What becomes of such a statement: ``remove``, or ``mark`` (it stays without citation, with a notice).
    verdict_temperature
        Verdict log probabilities are divided by this (temperature scaling, fitted on development questions by
        ``ragqa.llm.choice.fit_temperature``); 1: as the model gives them.
    """

    prompts: str = ""
    write_statements: bool = True
    examples: str = ""
    n_examples: NaturalInt = 0
    chain_of_thought: bool = False
    votes: PositiveInt = 1
    vote_temperature: NonNegative = 0.7
    shuffles: PositiveInt = 1
    voters: tuple[str, ...] = ()
    retrieval: Literal["always", "if-needed"] = "always"
    critique: bool = False
    check_presuppositions: bool = False
    min_support: Fraction = 0.35
    unsupported: Literal["remove", "mark"] = "remove"
    verdict_temperature: Annotated[float, msgspec.Meta(gt=0)] = 1.0


@dataclass(frozen=True, slots=True)
class IterativeSettings:
    """The reader ``iterative``: searches several times, then lets another reader answer from all that was found.

    Attributes
    ----------
    reader
        What reads in the end; any reader but ``iterative``.
    queries
        Who writes the queries after the first, which is the question: ``feedback`` adds the telling words of what was
        found, ``generator`` lets the model of ``answer.chat`` write them.
    n_searches
        Searches at most.
    n_hits
        Documents that each search brings, none of which another brought before.
    n_terms
        Words that ``feedback`` adds to the question.
    """

    reader: str = "extractive"
    queries: Literal["feedback", "generator"] = "feedback"
    n_searches: PositiveInt = 4
    n_hits: PositiveInt = 5
    n_terms: PositiveInt = 3


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    """How hits become an answer: the reader, how many documents it gets, and the settings of ``chat``.

    ``reader`` is ``extractive`` (the small model that comes with ragqa reads each abstract with the question; the
    answer is at most ``n_statements`` sentences of the articles), ``chat``, or ``iterative``, which searches several
    times for one of the others. All abstain where the probability that the best document answers the question stays
    below ``abstain_below``. A verdict is given where its probability is at least ``verdict_above``, else the
    probabilities alone; ``extractive`` also asks that the articles that it rests on have ``verdict_coverage`` of the
    question's words on average, each counted by how rare it is. Retracted articles support a statement only with
    ``allow_retracted``, and are then flagged. ``extractive`` begins no further document after ``budget_ms``
    milliseconds (0: no limit), and tells how many it read; on another machine or under another load the answer may then
    be another.
    """

    reader: str = "extractive"
    n_documents: PositiveInt = 10
    n_statements: PositiveInt = 3
    abstain_below: Fraction = 0.5
    verdict_above: Fraction = 0.6
    verdict_coverage: Fraction = 0.7
    allow_retracted: bool = False
    budget_ms: NaturalInt = 0
    chat: ChatSettings = ChatSettings()
    iterative: IterativeSettings = IterativeSettings()


@dataclass(frozen=True, slots=True)
class Recipe:
    """A pipeline. A missing ``bm25`` or ``dense`` table means that the index has no such part.

    ``segments`` is how many segments of about equal size a built index is to have, as far as the corpus has as many
    parts: so many machines can share it.
    """

    corpus: str = ""
    description: str = ""
    bm25: Bm25Settings | None = None
    dense: DenseSettings | None = None
    retrieve: RetrieveSettings = RetrieveSettings()
    rerank: RerankSettings = RerankSettings()
    answer: AnswerSettings = AnswerSettings()
    segments: PositiveInt = 1


def load(path: Path, kind: type[T], overrides: Sequence[str] = ()) -> T:
    """Read a recipe file as settings of type ``kind`` (a dataclass).

    Parameters
    ----------
    path
        A TOML file.
    kind
        :class:`Recipe` or another dataclass of settings.
    overrides
        ``table.key=value`` strings, values written as in TOML; a bare word is taken as a string.

    Raises
    ------
    RecipeError
        The file cannot be read, has an unknown key, or a value that is not allowed.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"cannot read the recipe {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"the recipe {path} is not TOML: {error}") from error
    return from_table(override(table, overrides), kind, origin=str(path))


def from_table(table: Mapping[str, Any], kind: type[T], origin: str = "recipe") -> T:
    """Turn a table of plain values into settings of type ``kind``; see :func:`load`.

    >>> from_table({"bm25": {"k1": 1.2}}, Recipe).bm25.k1
    1.2
    >>> from_table({"bm25": {"k_1": 1.2}}, Recipe)
    Traceback (most recent call last):
    ragqa.errors.RecipeError: recipe: unknown key 'bm25.k_1'; did you mean 'k1'? Known: b, engine, fields, k1
    """
    _refuse_unknown_keys(table, kind, origin, prefix="")
    try:
        return from_plain(table, kind)
    except msgspec.ValidationError as error:
        raise RecipeError(f"{origin}: {_readable(error)}") from error


def override(table: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """A copy of ``table`` with ``a.b=value`` strings applied.

    >>> override({"bm25": {"k1": 0.9}}, ["bm25.k1=1.2", "rerank.reranker=none"])
    {'bm25': {'k1': 1.2}, 'rerank': {'reranker': 'none'}}
    """
    result = _deep_copy(table)
    for text in overrides:
        key, separator, value = text.partition("=")
        parts = [part.strip() for part in key.split(".")]
        if not separator or not all(parts):
            raise RecipeError(f"{text!r} is not an override; write table.key=value, for example bm25.k1=1.2")
        target = result
        for part in parts[:-1]:
            target = target.setdefault(part, {})
            if not isinstance(target, dict):
                raise RecipeError(f"{text!r}: {part!r} is a value, not a table")
        target[parts[-1]] = _toml_value(value.strip())
    return result


def to_table(settings: Any) -> dict[str, Any]:
    """The resolved settings as plain values, for manifests; ``from_table`` reads them back."""
    return typing.cast("dict[str, Any]", msgspec.to_builtins(settings))


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        return text


def _deep_copy(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _deep_copy(value) if isinstance(value, Mapping) else value for key, value in table.items()}


def _refuse_unknown_keys(table: Mapping[str, Any], kind: Any, origin: str, prefix: str) -> None:
    hints = typing.get_type_hints(kind)
    for key, value in table.items():
        if key not in hints:
            raise RecipeError(f"{origin}: unknown key {prefix + key!r}; {nearest(key, hints)}")
        inner = _dataclass_in(hints[key])
        if inner is not None and isinstance(value, Mapping):
            _refuse_unknown_keys(value, inner, origin, prefix=f"{prefix}{key}.")


def _dataclass_in(hint: Any) -> Any:
    candidates = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    return next((candidate for candidate in candidates if dataclasses.is_dataclass(candidate)), None)


def _readable(error: msgspec.ValidationError) -> str:
    message, _, place = str(error).partition(" - at `$.")
    return f"{place.rstrip('`')}: {message}" if place else message
