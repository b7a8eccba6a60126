"""PyTorch module → ONNX file for the CPU, in int8 where that keeps the output, and the running of such files.

int8 weights are quantised for each output channel and with seven bits: per tensor, the vectors of small BERT
models lose their direction (cosine .93), and with eight bits processors without VNNI instructions overflow.
"""

import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ragqa.cores import n_cores
from ragqa.errors import BackendError, ProductError
from ragqa.index.encoder_tokens import Batch, Tokens, apply

_log = logging.getLogger(__name__)
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_OPSET = 17
Precision = Literal["int8", "fp32", "torch"]
Agreement = Callable[[np.ndarray, np.ndarray], float]
"""From the original's and the export's outputs on the same texts to a number, 1 where they are equal."""


@dataclass(frozen=True, slots=True)
class Export:
    """What an export came to.

    Attributes
    ----------
    precision
        ``int8`` or ``fp32``: the form that was kept; ``torch`` where no form agreed with the original.
    agreement
        The agreement of each form that was tried (the lowest cosine over the sample, for encoders).
    n_sample
        Number of texts compared.
    """

    precision: Precision
    agreement: dict[str, float]
    n_sample: int


class OnnxModel:
    """An ONNX file run by ONNX Runtime on the CPU.

    Each call runs on the thread that makes it; batches side by side use the cores better than one batch on
    all of them. ``cores`` are how many it may use; None: those of this process.
    """

    def __init__(self, path: Path, remedy: str, cores: int | None = None) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise BackendError("the package onnxruntime is missing; run: pip install onnxruntime") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # It would keep a plan, and memory to fit it, for each shape of input that has come.
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        if not path.is_file():
            raise ProductError(f"the model {path} is missing; {remedy}")
        try:
            self._session: Any = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except _onnx_errors(onnxruntime) as error:
            raise ProductError(f"the model {path} is damaged ({str(error).splitlines()[0]}); {remedy}") from error
        self._names = [node.name for node in self._session.get_inputs()]
        self.n_parallel = cores or n_cores()

    def __call__(self, batch: Batch) -> np.ndarray:
        """The output of each text, float32 [n_texts, n_outputs]."""
        inputs = dict(zip(_INPUTS, batch, strict=True))
        output: np.ndarray = self._session.run(None, {name: inputs[name] for name in self._names})[0]
        return output


def cosine_agreement(original: np.ndarray, exported: np.ndarray) -> float:
    """The lowest cosine between the vectors of the same text."""
    products = (original * exported).sum(axis=1)
    lengths = np.linalg.norm(original, axis=1) * np.linalg.norm(exported, axis=1)
    return float(np.min(products / np.maximum(lengths, 1e-12)))


def export(
    module: Any,
    target: Path,
    sample: Sequence[Tokens],
    pad_id: int,
    *,
    forms: Sequence[Precision],
    agreement: Agreement = cosine_agreement,
    least: float = 0.98,
) -> Export:
    """Write ``module`` to the ONNX file ``target`` in the first of the forms that agrees with it on the sample.

    Parameters
    ----------
    module
        A module of :mod:`ragqa.index.encoder_torch`.
    sample
        Inputs on which the forms are compared with the module.
    forms
        The forms to try, in order: ``int8``, ``fp32``.
    agreement, least
        How forms are compared, and how well they must agree.

    Returns
    -------
    Export
        With precision ``torch``, and no file written, where no form agreed or the module cannot be exported.
    """
    from ragqa.index.encoder_torch import TorchModel

    original = apply(TorchModel(module.float()), sample, pad_id)
    module = module.float().cpu()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        if not write_graph(module, folder / "fp32.onnx", len(sample[0].ids)):
            return Export("torch", figures, len(sample))
        for form in forms:
            if form == "int8":
                quantise(folder / "fp32.onnx", folder / "int8.onnx")
            exported = apply(OnnxModel(folder / f"{form}.onnx", "this is an error of ragqa"), sample, pad_id)
            figures[form] = round(agreement(original, exported), 5)
            _log.info("%s export: agreement with the original %.4f on %d texts", form, figures[form], len(sample))
            if figures[form] >= least:
                (folder / f"{form}.onnx").replace(target)
                return Export(form, figures, len(sample))
    return Export("torch", figures, len(sample))


def write_graph(module: Any, path: Path, width: int, *, each_token: bool = False) -> bool:
    """Write ``module`` as a float32 graph for batches of any size; False where it cannot be exported.

    ``width`` is the number of tokens of the input that it is traced with. With ``each_token`` the module gives numbers
    for each token, float32 [n_texts, n_tokens, n_outputs], else for each text.
    """
    import torch

    width = max(width, 4)
    ones, zeros = torch.ones((2, width), dtype=torch.int64), torch.zeros((2, width), dtype=torch.int64)
    axes = {name: {0: "n_texts", 1: "n_tokens"} for name in _INPUTS} | {
        "output": {0: "n_texts", 1: "n_tokens"} if each_token else {0: "n_texts"}
    }
    try:
        with _quiet(), torch.inference_mode():
            torch.onnx.export(
                module, (ones, ones, zeros), str(path), input_names=list(_INPUTS), output_names=["output"],
                dynamic_axes=axes, opset_version=_OPSET, dynamo=False,
            )  # fmt: skip
    except (torch.onnx.errors.OnnxExporterError, RuntimeError, TypeError, ValueError) as error:
        _log.warning("the model cannot be exported to ONNX (%s); PyTorch runs it", str(error).splitlines()[0])
        return False
    _fuse(path)
    return True


def _fuse(path: Path) -> None:
    """Join the nodes of attention, GELU and layer norm; a graph of another family stays as it is.

    A sum and a layer norm stay two nodes: ONNX Runtime's kernel for both in one takes five times as long on a CPU.
    """
    with _quiet():
        from onnxruntime.transformers import optimizer
        from onnxruntime.transformers.fusion_options import FusionOptions

        options = FusionOptions("bert")
        options.enable_skip_layer_norm = options.enable_bias_skip_layer_norm = False
        options.enable_embed_layer_norm = False
        optimised = optimizer.optimize_model(str(path), "bert", opt_level=0, optimization_options=options)
        optimised.save_model_to_file(str(path))


def quantise(source: Path, target: Path) -> None:
    """Write a float32 graph with weights of int8."""
    with _quiet():
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic

        quantize_dynamic(
            source,
            target,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            # The type of what fused nodes give cannot be inferred.
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """The tools warn, through the root logger too, of what is wanted here."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)


def _onnx_errors(onnxruntime: Any) -> tuple[type[Exception], ...]:
    state = onnxruntime.capi.onnxruntime_pybind11_state
    names = ("Fail", "InvalidProtobuf", "InvalidGraph", "InvalidArgument", "NoSuchFile", "RuntimeException")
    return (*(getattr(state, name) for name in names), UnicodeDecodeError)  # where the damage is in a name
