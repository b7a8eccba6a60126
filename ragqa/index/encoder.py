"""The encoder of a dense index: queries and passages → vectors.

It lives in a folder of its own with ``encoder.json``, and for each model an exported graph and a tokenizer, so
that an index can be copied to another machine and searched there without PyTorch and without a model hub.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from ragqa import manifest
from ragqa.index.encoder_source import find_model
from ragqa.index.encoder_tokens import Model, Text, TextTokenizer, Tokens, apply
from ragqa.index.onnx_export import OnnxModel
from ragqa.index.presets import Metric
from ragqa.index.static_model import VECTORS, StaticModel

_log = logging.getLogger(__name__)
DESCRIPTION = "encoder.json"
GRAPH, TOKENIZER, ORIGINAL = "model.onnx", "tokenizer.json", "original"
_GPU_BATCH = 64
_MAX_QUERY_CHARACTERS = 10_000


@dataclass(frozen=True, slots=True)
class TowerSpec:
    """One side of an encoder, resolved; see :class:`ragqa.index.presets.Tower`.

    Attributes
    ----------
    folder
        Folder of its graph and tokenizer inside the encoder's folder; both sides may share one.
    source_hash
        Hash of the files that the model was read from.
    precision
        What computes it: ``int8`` or ``fp32`` (ONNX Runtime), ``torch``, or ``static``: a vector for each token.
    agreement
        Lowest cosine between the vectors of the original and each exported form, over ``n_sample`` texts.
    """

    model: str
    folder: str
    source_hash: str
    pooling: str
    normalise: bool
    max_tokens: int
    prefix: str
    pair: bool
    pad_id: int
    precision: Literal["int8", "fp32", "torch", "static"] = "torch"
    agreement: dict[str, float] = field(default_factory=dict)
    n_sample: int = 0


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """Both sides of an encoder, the metric it was trained for, and the precision that was asked for."""

    query: TowerSpec
    passage: TowerSpec
    metric: Metric
    wanted: str
    version: int = 1

    @property
    def fingerprint(self) -> str:
        """Changes when the vectors of passages would."""
        passage = self.passage
        use = [passage.pooling, passage.normalise, passage.max_tokens, passage.prefix, passage.pair]
        return manifest.content_hash([passage.source_hash, use, passage.precision, self.version])


class Encoder:
    """An encoder read from its folder. Models are loaded when first used; threads may share it.

    ``n_cores`` are those that it may use; None: all of this process.
    """

    def __init__(self, folder: Path, spec: EncoderSpec, remedy: str) -> None:
        self.folder = folder
        self._remedy = remedy
        self.spec = spec
        self.n_cores: int | None = None
        self._models: dict[str, Model | StaticModel] = {}
        self._tokenizers: dict[tuple[str, int], TextTokenizer] = {}
        self._lock = threading.Lock()

    @classmethod
    def open(cls, folder: Path, remedy: str) -> "Encoder":
        """Read ``encoder.json`` in ``folder``; ``remedy`` is what the user is told where files are damaged.

        Raises
        ------
        ProductError
            The description is missing or damaged.
        """
        return cls(folder, manifest.read_json(folder / DESCRIPTION, EncoderSpec, remedy), remedy)

    def asked_with(self, prefix: str | None) -> "Encoder":
        """The encoder with another prefix before every query; None keeps that of the build."""
        if prefix is None or prefix == self.spec.query.prefix:
            return self
        return Encoder(self.folder, replace(self.spec, query=replace(self.spec.query, prefix=prefix)), self._remedy)

    def encode_queries(self, queries: Sequence[str]) -> np.ndarray:
        """Vectors of queries, float32 [n_queries, dim].

        Each is computed by itself, so that its vector does not depend on the others of its batch (int8 scales
        activations over a batch).
        """
        tower = self.spec.query
        texts: list[Text] = [tower.prefix + query[:_MAX_QUERY_CHARACTERS] for query in queries]
        tokens = self._tokenizer(tower).encode(texts)
        return self._vectors(tower, tokens, batch_size=1)

    def encode_passages(
        self, passages: Sequence[tuple[str, str]], done: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """Vectors of (title, text) pairs, float32 [n_passages, dim]; ``done`` is told how many each batch had."""
        tower = self.spec.passage
        tokens = self._tokenizer(tower).encode([passage_input(tower, *passage) for passage in passages])
        n_cut = sum(token.truncated for token in tokens)
        if n_cut:
            _log.info("%d of %d passages were longer than %d tokens", n_cut, len(passages), tower.max_tokens)
        size = _GPU_BATCH if getattr(self._model(tower), "on_gpu", False) else 8
        return self._vectors(tower, tokens, size, done)

    def passage_tokens(self, texts: Sequence[Text]) -> list[Tokens]:
        """The tokens of texts as the model of passages reads them, special tokens included."""
        return self._tokenizer(self.spec.passage).encode(texts)

    def encode_tokens(self, tokens: Sequence[Tokens], batch_size: int) -> np.ndarray:
        """What the model of passages makes of inputs given as tokens, float32 [n_inputs, dim]."""
        return self._vectors(self.spec.passage, tokens, batch_size)

    def passage_tokenizer(self) -> tuple[TextTokenizer, int]:
        """The tokenizer of passages, and the tokens of an input that special tokens and the prefix take."""
        tower = self.spec.passage
        tokenizer = self._tokenizer(tower)
        n_special = tokenizer.n_special_pair if tower.pair else tokenizer.n_special
        return tokenizer, n_special + len(tokenizer.offsets([tower.prefix])[0])

    def use_gpu(self) -> None:
        """Encode passages with PyTorch on the GPU, from the original model; a static encoder has no use for it."""
        if self.spec.passage.precision == "static":
            return
        from ragqa.index.encoder_torch import TorchModel, load_encoder

        tower = self.spec.passage
        self._models[tower.folder] = TorchModel(load_encoder(find_model(tower.model), tower.pooling, tower.normalise))

    def _vectors(
        self, tower: TowerSpec, tokens: Sequence[Tokens], batch_size: int, done: Callable[[int], None] | None = None
    ) -> np.ndarray:
        model = self._model(tower)
        if isinstance(model, StaticModel):
            return model(tokens, done)
        return apply(model, tokens, tower.pad_id, batch_size, done)

    def _tokenizer(self, tower: TowerSpec) -> TextTokenizer:
        key = (tower.folder, tower.max_tokens)
        with self._lock:
            if key not in self._tokenizers:
                path = self.folder / tower.folder / TOKENIZER
                self._tokenizers[key] = TextTokenizer(path, tower.max_tokens, self._remedy)
            return self._tokenizers[key]

    def _model(self, tower: TowerSpec) -> Model | StaticModel:
        with self._lock:
            if tower.folder not in self._models:
                self._models[tower.folder] = self._load(tower)
            return self._models[tower.folder]

    def _load(self, tower: TowerSpec) -> Model | StaticModel:
        folder = self.folder / tower.folder
        if tower.precision == "torch":
            from ragqa.index.encoder_torch import TorchModel, load_encoder

            return TorchModel(load_encoder(folder / ORIGINAL, tower.pooling, tower.normalise))
        if tower.precision == "static":
            return StaticModel(folder / VECTORS, self._remedy)
        return OnnxModel(folder / GRAPH, self._remedy, self.n_cores)


def passage_input(tower: TowerSpec, title: str, text: str) -> Text:
    """What the passage model reads: a pair of texts, or one text."""
    if tower.pair:
        return (tower.prefix + title, text)
    return tower.prefix + f"{title} {text}".strip()
