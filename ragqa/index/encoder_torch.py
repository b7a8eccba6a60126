"""Models in PyTorch: loaded from their own files for the GPU, for the export, and for what cannot be exported.

Every module made here takes ``(input_ids, attention_mask, token_type_ids)``, int64 [n_texts, n_tokens], and
returns float32 [n_texts, n_outputs], so that one runner and one exporter serve encoders and cross-encoders.
"""

import inspect
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ragqa.errors import BackendError
from ragqa.index.encoder_tokens import Batch

_DEVICES = ("nvidia*", "nvhost*", "nvmap", "kfd", "dxg")  # of CUDA, also on Jetson and in WSL, and of ROCm


class TorchModel:
    """A module made here, run on the GPU where there is one (in half precision), else on the CPU."""

    n_parallel = 1

    def __init__(self, module: Any) -> None:
        import torch

        self.on_gpu = torch.cuda.is_available()
        self._module = module.half().cuda() if self.on_gpu else module
        self._device = "cuda" if self.on_gpu else "cpu"

    def __call__(self, batch: Batch) -> np.ndarray:
        """The output of each text, float32 [n_texts, n_outputs]."""
        import torch

        with torch.inference_mode():
            inputs = [torch.from_numpy(array).to(self._device) for array in batch]
            output: np.ndarray = self._module(*inputs).float().cpu().numpy()
        return output


def has_gpu() -> bool:
    """Whether PyTorch is installed and sees a GPU.

    It is not loaded where Linux has no device of a GPU: it takes seconds and hundreds of megabytes.
    """
    if sys.platform == "linux" and not any(any(Path("/dev").glob(name)) for name in _DEVICES):
        return False
    try:
        import torch
    except ImportError:
        return False
    return bool(torch.cuda.is_available())


def load_encoder(folder: Path, pooling: str, normalise: bool) -> Any:
    """A module from token numbers to vectors.

    ``pooling`` is ``mean``, ``cls`` or ``max``; "" runs the model's own sentence-transformers modules.

    Raises
    ------
    BackendError
        PyTorch or transformers is missing, or the files cannot be loaded.
    """
    if not pooling:
        return _sentence_transformer(folder)
    with _loading(folder):
        from transformers import AutoModel

        # Eager attention is what both exporter and graph optimiser know.
        return _pooled(AutoModel.from_pretrained(str(folder), attn_implementation="eager"), pooling, normalise)


def load_cross_encoder(folder: Path) -> Any:
    """A module from the token numbers of (query, text) pairs to scores [n_texts, 1] (logits, higher is better).

    Raises
    ------
    BackendError
        As for :func:`load_encoder`, or the model has no classification head with a single output.
    """
    with _loading(folder):
        from transformers import AutoModelForSequenceClassification

        model = AutoModelForSequenceClassification.from_pretrained(str(folder), attn_implementation="eager")
    if model.config.num_labels != 1:
        raise BackendError(
            f"the model in {folder} gives {model.config.num_labels} scores for a pair; a reranker gives one"
        )
    return _scored(model)


@contextmanager
def _loading(folder: Path) -> Iterator[None]:
    try:
        from transformers.utils import logging as messages

        messages.disable_progress_bar()  # type: ignore[no-untyped-call]  # its bar of a second is noise
        yield
    except ImportError as error:
        raise BackendError(f'PyTorch or transformers is missing ({error}); run: pip install "ragqa[build]"') from error
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BackendError(f"the model in {folder} cannot be loaded ({reason}); fetch its files again") from error


def _inputs(model: Any, ids: Any, mask: Any, segments: Any) -> dict[str, Any]:
    inputs = {"input_ids": ids, "attention_mask": mask}
    if "token_type_ids" in inspect.signature(model.forward).parameters and model.config.type_vocab_size > 1:
        inputs["token_type_ids"] = segments
    return inputs


def _pooled(model: Any, pooling: str, normalise: bool) -> Any:
    import torch

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: Any, mask: Any, segments: Any) -> Any:
            states = self.model(**_inputs(self.model, ids, mask, segments)).last_hidden_state
            weights = mask.unsqueeze(-1).to(states.dtype)
            if pooling == "cls":
                vectors = states[:, 0]
            elif pooling == "max":
                vectors = (states + (1 - weights) * -1e4).max(dim=1).values
            else:
                vectors = (states * weights).sum(dim=1) / weights.sum(dim=1)
            return torch.nn.functional.normalize(vectors, dim=1) if normalise else vectors

    return Pooled().eval()


def _scored(model: Any) -> Any:
    import torch

    class Scored(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: Any, mask: Any, segments: Any) -> Any:
            return self.model(**_inputs(self.model, ids, mask, segments)).logits

    return Scored().eval()


def _sentence_transformer(folder: Path) -> Any:
    with _loading(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch
        from sentence_transformers import SentenceTransformer

        modules = SentenceTransformer(str(folder), device="cpu", model_kwargs={"attn_implementation": "eager"})

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.modules_in_order = modules

        def forward(self, ids: Any, mask: Any, segments: Any) -> Any:
            features = _inputs(modules[0].auto_model, ids, mask, segments)
            for module in modules:
                features = module(features)
            return features["sentence_embedding"]

    return Whole().eval()
