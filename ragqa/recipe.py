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

from ragqa.errors import RecipeError, nearest

PositiveInt = Annotated[int, msgspec.Meta(ge=1)]
NaturalInt = Annotated[int, msgspec.Meta(ge=0)]
NonNegative = Annotated[float, msgspec.Meta(ge=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bm25Settings:
    """How text is indexed and scored by BM25.

    ``fields`` maps a field to its boost. The fields are ``title``, ``abstract``, ``mesh``, ``keywords`` and
    ``contents`` (title and abstract as one text, which is what Anserini's BEIR figures use).
    """

    engine: Literal["lucene", "rank-bm25"] = "lucene"
    k1: NonNegative = 0.9
    b: Fraction = 0.4
    fields: dict[str, NonNegative] = field(default_factory=lambda: {"contents": 1.0})


@dataclass(frozen=True, slots=True)
class DenseSettings:
    """How text is encoded and which FAISS index holds the vectors.

    ``encoder`` names a preset (``ragqa.index.presets``), a model on the hub or a folder with one. The settings
    below it change how the model is used; None, 0 and "" leave that to the preset or the model's own files.
    ``query_encoder`` names a model of its own for the queries. ``precision`` is what the CPU computes with:
    ``auto`` takes int8 where its vectors agree with the original's, else fp32, else PyTorch. A text longer than
    the model's input is cut into passages that share about ``overlap_tokens`` tokens with the one before.
    ``faiss`` is the kind of index, by size where it is ``auto``.
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
    faiss: Literal["auto", "flat", "hnsw", "ivf-sq8", "ivf-pq"] = "auto"


@dataclass(frozen=True, slots=True)
class RetrieveSettings:
    """Which indexes are searched, how deep, and how their results are fused.

    ``depth`` hits of each index are fused. ``dense_weight`` is the weight of the dense index in the convex
    combination of min–max-normalised scores; ``rrf_k`` the constant of reciprocal rank fusion.
    """

    retrievers: tuple[Literal["bm25", "dense"], ...] = ("bm25", "dense")
    depth: PositiveInt = 100
    fusion: Literal["convex", "rrf"] = "convex"
    dense_weight: Fraction = 0.5
    rrf_k: NonNegative = 60.0


@dataclass(frozen=True, slots=True)
class RerankSettings:
    """Which reranker orders the first ``depth`` hits again, and its weight against the fused score.

    ``evidence_weight`` times the strength of a document's evidence level (0 to 1) is added to its score.
    """

    reranker: str = "none"
    depth: PositiveInt = 50
    weight: Fraction = 0.3
    evidence_weight: NonNegative = 0.0


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    """How hits become an answer: the reader, and how many documents it gets."""

    reader: str = "extractive"
    n_documents: PositiveInt = 10


@dataclass(frozen=True, slots=True)
class Recipe:
    """A pipeline. A missing ``bm25`` or ``dense`` table means that the index has no such part."""

    corpus: str = ""
    description: str = ""
    bm25: Bm25Settings | None = None
    dense: DenseSettings | None = None
    retrieve: RetrieveSettings = RetrieveSettings()
    rerank: RerankSettings = RerankSettings()
    answer: AnswerSettings = AnswerSettings()


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
        return msgspec.convert(table, kind)
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
