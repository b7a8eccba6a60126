"""Cross-encoder → a folder that serves it on the CPU without PyTorch and without a model hub."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ragqa import manifest
from ragqa.errors import BackendError
from ragqa.index.encoder_source import save_tokenizer, source_hash
from ragqa.index.encoder_torch import load_cross_encoder
from ragqa.index.onnx_export import export
from ragqa.retrieve.rerank import CROSS_ENCODERS
from ragqa.retrieve.rerank_cross import DESCRIPTION, GRAPH, TOKENIZER, CrossEncoderSpec, document_text, open_source
from ragqa.types import Document

_LEAST_AGREEMENT = 0.98


def export_reranker(name: str, folder: Path, queries: Sequence[str], documents: Sequence[Document]) -> CrossEncoderSpec:
    """Export the cross-encoder ``name`` into ``folder``; a recipe names that folder as its reranker.

    Parameters
    ----------
    name
        A preset, a hub name or a folder with the model's files.
    queries, documents
        A sample, a query to each document; all their pairs are scored to compare the export with the original.

    Raises
    ------
    BackendError
        The model's files or packages are missing, or no exported form agrees with the original.
    """
    name = CROSS_ENCODERS.get(name, name)
    source, tokenizer, pad_id = open_source(name)
    pairs = [(query, document_text(document)) for query in queries for document in documents]
    folder.mkdir(parents=True, exist_ok=True)
    save_tokenizer(source, folder / TOKENIZER)
    result = export(
        load_cross_encoder(source),
        folder / GRAPH,
        tokenizer.encode(pairs),
        pad_id,
        forms=("int8", "fp32"),
        agreement=correlation,
        least=_LEAST_AGREEMENT,
    )
    if result.precision == "torch":
        raise BackendError(
            f"no exported form of {name!r} agrees with the original ({result.agreement}); "
            f"use rerank.reranker = {name!r}, which runs it in PyTorch"
        )
    spec = CrossEncoderSpec(
        name, source_hash(source), tokenizer.max_tokens, pad_id, result.precision, result.agreement, result.n_sample
    )
    manifest.write_json(folder / DESCRIPTION, spec)
    return spec


def correlation(original: np.ndarray, exported: np.ndarray) -> float:
    """Pearson correlation of two columns of scores; 1 where neither varies."""
    a, b = original[:, 0] - original[:, 0].mean(), exported[:, 0] - exported[:, 0].mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else float(np.allclose(original, exported, atol=1e-3))
