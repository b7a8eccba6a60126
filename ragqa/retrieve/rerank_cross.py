"""Cross-encoders: question and document read together by one model, which gives one score.

The document is its title and abstract as one text, as MedCPT, BGE and MS MARCO models were trained; what exceeds
the model's input (512 tokens for the presets) is cut off. A model that was exported runs in ONNX Runtime, any
other in PyTorch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ragqa import manifest
from ragqa.corpus.text import abstract_of, title_of
from ragqa.index.encoder_tokens import Model, TextTokenizer, apply
from ragqa.types import Document

DESCRIPTION, GRAPH, TOKENIZER = "reranker.json", "model.onnx", "tokenizer.json"
_REMEDY = "export the reranker again"
_MAX_QUERY_CHARACTERS = 1_000
_MAX_TOKENS = 512


@dataclass(frozen=True, slots=True)
class CrossEncoderSpec:
    """An exported cross-encoder.

    ``agreement`` is the correlation of each form's scores with those of the original over ``n_sample`` pairs.
    """

    model: str
    source_hash: str
    max_tokens: int
    pad_id: int
    precision: Literal["int8", "fp32", "torch"]
    agreement: dict[str, float]
    n_sample: int
    version: int = 1


class CrossEncoder:
    """A cross-encoder, opened; make one with :func:`open_cross_encoder`."""

    def __init__(self, model: Model, tokenizer: TextTokenizer, pad_id: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._pad_id = pad_id

    def rerank(self, queries: Sequence[str], documents: Sequence[Sequence[Document]]) -> list[np.ndarray]:
        """For each query the scores of its documents, float32 [n_documents]; where the model gives NaN, the lowest."""
        return [self._scores(query, candidates) for query, candidates in zip(queries, documents, strict=True)]

    def _scores(self, query: str, documents: Sequence[Document]) -> np.ndarray:
        pairs = [(query[:_MAX_QUERY_CHARACTERS], document_text(document)) for document in documents]
        if not pairs:
            return np.empty(0, dtype=np.float32)
        return finite(apply(self._model, self._tokenizer.encode(pairs), self._pad_id)[:, 0])


def open_cross_encoder(name: str) -> CrossEncoder:
    """Open a cross-encoder by hub name, by folder, or from the folder of an export.

    Raises
    ------
    BackendError
        Its files or packages are missing, or it does not give one score for a pair.
    ProductError
        The export is damaged.
    """
    folder = Path(name).expanduser()
    if (folder / DESCRIPTION).is_file():
        from ragqa.index.onnx_export import OnnxModel

        spec = manifest.read_json(folder / DESCRIPTION, CrossEncoderSpec, _REMEDY)
        tokenizer = TextTokenizer(folder / TOKENIZER, spec.max_tokens, _REMEDY)
        return CrossEncoder(OnnxModel(folder / GRAPH, _REMEDY), tokenizer, spec.pad_id)
    from ragqa.index.encoder_torch import TorchModel, load_cross_encoder

    source, tokenizer, pad_id = open_source(name)
    return CrossEncoder(TorchModel(load_cross_encoder(source)), tokenizer, pad_id)


def open_source(name: str) -> tuple[Path, TextTokenizer, int]:
    """The folder, the tokenizer and the padding token of a cross-encoder's original files."""
    import tempfile

    from ragqa.index.encoder_source import find_model, model_facts, save_tokenizer

    source = find_model(name)
    facts = model_facts(source)
    with tempfile.TemporaryDirectory() as temporary:
        save_tokenizer(source, Path(temporary) / TOKENIZER)
        max_tokens = min(_MAX_TOKENS, facts.max_tokens)
        tokenizer = TextTokenizer(Path(temporary) / TOKENIZER, max_tokens, f"fetch the model {name!r} again")
    return source, tokenizer, facts.pad_id


def document_text(document: Document) -> str:
    """Title and abstract as one text, the title ended by a full stop where it has no end of its own.

    >>> from ragqa.types import Section
    >>> document_text(Document("1", (Section("title", "On aspirin"), Section("abstract", "It works."))))
    'On aspirin. It works.'
    """
    title, abstract = title_of(document).strip(), abstract_of(document).strip()
    if not title or not abstract:
        return title or abstract
    return f"{title} {abstract}" if title[-1] in ".?!" else f"{title}. {abstract}"


def finite(scores: np.ndarray) -> np.ndarray:
    """Scores with NaN and infinities replaced by the lowest finite one, float32: no document is dropped for them."""
    good = np.isfinite(scores)
    lowest = scores[good].min() if good.any() else 0.0
    return np.where(good, scores, lowest).astype(np.float32)
