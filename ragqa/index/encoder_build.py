"""Encoder of a recipe → the folder that :class:`ragqa.index.encoder.Encoder` opens."""

import dataclasses
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ragqa import manifest
from ragqa.errors import ProductError, RecipeError
from ragqa.index.encoder import DESCRIPTION, GRAPH, ORIGINAL, TOKENIZER, Encoder, EncoderSpec, TowerSpec, passage_input
from ragqa.index.encoder_source import find_model, model_facts, save_tokenizer, source_hash
from ragqa.index.encoder_tokens import Text, TextTokenizer
from ragqa.index.onnx_export import Export, Precision, export
from ragqa.index.presets import Tower, encoder_preset
from ragqa.recipe import DenseSettings

_log = logging.getLogger(__name__)
_LEAST_TOKENS = 16
Wanted = Literal["auto", "int8", "fp32", "torch"]
_LEAST_AGREEMENT = 0.98
_ANY_TEXT = [("Aspirin and fever", "Aspirin lowers fever in adults.")]


def build_encoder(settings: DenseSettings, folder: Path, sample: Sequence[tuple[str, str]], remedy: str) -> Encoder:
    """Export the encoder that ``settings`` asks for into ``folder``; one that is there already is kept.

    Parameters
    ----------
    sample
        (title, text) pairs of the corpus, on which the exported models are compared with the originals.
    remedy
        What the user is told where files of the folder turn out damaged.

    Raises
    ------
    BackendError
        The model's files, PyTorch or ONNX Runtime are missing.
    RecipeError
        The encoder's name or its settings make no sense.
    """
    preset = encoder_preset(settings)
    query, passage = _resolved(preset.query, "query"), _resolved(preset.passage, "passage")
    existing = _existing(folder, EncoderSpec(query, passage, preset.metric, settings.precision))
    if existing is not None:
        return Encoder(folder, existing, remedy)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    texts = [text for text in sample if any(text)] or _ANY_TEXT
    passage = _exported(passage, settings.precision, folder, [passage_input(passage, *text) for text in texts])
    if query.folder == passage.folder:
        query = _with_export(query, passage)
    else:
        titles: list[Text] = [query.prefix + (title or text) for title, text in texts]
        query = _exported(query, settings.precision, folder, titles)
    spec = EncoderSpec(query, passage, preset.metric, settings.precision)
    manifest.write_json(folder / DESCRIPTION, spec)
    return Encoder(folder, spec, remedy)


def _resolved(tower: Tower, side: Literal["query", "passage"]) -> TowerSpec:
    source = find_model(tower.model)
    facts = model_facts(source)
    pooling = facts.pooling if tower.pooling == "model" else tower.pooling
    normalise = facts.normalise if tower.normalise is None else tower.normalise
    max_tokens = min(tower.max_tokens or facts.max_tokens, facts.max_positions)
    if max_tokens < _LEAST_TOKENS:
        raise RecipeError(
            f"the encoder {tower.model!r} would read {max_tokens} tokens of a {side}; "
            f"at least {_LEAST_TOKENS} are needed"
        )
    own_prefix = facts.query_prefix if side == "query" else facts.passage_prefix
    digest = source_hash(source)
    return TowerSpec(
        model=tower.model,
        folder=manifest.content_hash([digest, pooling, normalise])[:12],
        source_hash=digest,
        pooling=pooling,
        normalise=normalise,
        max_tokens=max_tokens,
        prefix=own_prefix if tower.prefix is None else tower.prefix,
        pair=tower.pair,
        pad_id=facts.pad_id,
    )


def _existing(folder: Path, wanted: EncoderSpec) -> EncoderSpec | None:
    if not (folder / DESCRIPTION).is_file():
        return None
    try:
        found = manifest.read_json(folder / DESCRIPTION, EncoderSpec, "")
    except ProductError:
        return None
    same = dataclasses.replace(
        found,
        query=_with_export(found.query, wanted.query),
        passage=_with_export(found.passage, wanted.passage),
    )
    return found if same == wanted else None


def _with_export(tower: TowerSpec, other: TowerSpec) -> TowerSpec:
    return dataclasses.replace(
        tower, precision=other.precision, agreement=other.agreement, n_sample=other.n_sample
    )  # fmt: skip


def _exported(tower: TowerSpec, wanted: Wanted, folder: Path, sample: list[Text]) -> TowerSpec:
    from ragqa.index.encoder_torch import load_encoder

    source, target = find_model(tower.model), folder / tower.folder
    target.mkdir()
    save_tokenizer(source, target / TOKENIZER)
    tokenizer = TextTokenizer(target / TOKENIZER, tower.max_tokens, f"fetch the model {tower.model!r} again")
    tokens = tokenizer.encode(sample)
    result = Export("torch", {}, len(tokens))
    if wanted != "torch":
        module = load_encoder(source, tower.pooling, tower.normalise)
        forms: tuple[Precision, ...] = ("int8", "fp32") if wanted == "auto" else (wanted,)
        result = export(module, target / GRAPH, tokens, tower.pad_id, forms=forms, least=_LEAST_AGREEMENT)
        if wanted not in {"auto", result.precision}:
            raise RecipeError(
                f"dense.precision is {wanted!r}, but so the vectors of {tower.model!r} do not agree with the "
                f"original's (lowest cosine {result.agreement.get(wanted)}, {_LEAST_AGREEMENT} is needed); "
                "use dense.precision = 'auto'"
            )
    if result.precision == "torch":
        _log.info("%s runs in PyTorch; its files are copied into the index", tower.model)
        shutil.copytree(source, target / ORIGINAL, ignore=shutil.ignore_patterns("onnx", "openvino", ".*"))
    return dataclasses.replace(
        tower, precision=result.precision, agreement=result.agreement, n_sample=result.n_sample
    )  # fmt: skip
