"""What all tests share: a home of their own, no network beyond this machine, and where real data lies."""

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ragqa.index.dense_build import passage_of
from ragqa.recipe import DenseSettings
from ragqa.types import Document

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from ragqa.index.dense import DenseIndex

_real_connect = socket.socket.connect


def _connect_to_this_machine_only(self: socket.socket, address: object) -> None:
    if isinstance(address, tuple) and not str(address[0]).startswith("127.") and address[0] not in {"localhost", "::1"}:
        raise OSError(f"tests must not reach the network: {address}")
    _real_connect(self, address)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Products land in a folder of the test's own, and nothing leaves this machine."""
    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(socket.socket, "connect", _connect_to_this_machine_only)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real data that ``RAGQA_TEST_DATA`` names; the test is skipped where it is not set."""
    folder = os.environ.get("RAGQA_TEST_DATA")
    if not folder:
        pytest.skip("RAGQA_TEST_DATA is not set; this test reads real data that ragqa does not ship")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"RAGQA_TEST_DATA={folder} is not a folder")
    return path


@pytest.fixture(scope="session")
def built_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the sample corpus and its index, built once for all tests, which must not change it."""
    from ragqa import products

    folder = tmp_path_factory.mktemp("sample-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGQA_HOME", str(folder))
        products.build_index("sample")
    return folder


@pytest.fixture
def sample_home(built_sample: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home with the built sample, in force for one test that only reads it."""
    monkeypatch.setenv("RAGQA_HOME", str(built_sample))
    return built_sample


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes folders with real but tiny random models, in the form in which the model hub serves them.

    ``tiny_model("plain", seed)`` is a BERT alone, ``"mean"`` and ``"cls"`` sentence-transformers models of that
    pooling, normalised, ``"dense"`` one with a layer after the pooling, ``"cross"`` a cross-encoder.
    """
    made: dict[tuple[str, int], Path] = {}

    def make(kind: str, seed: int = 0) -> Path:
        if (kind, seed) not in made:
            made[kind, seed] = _make_tiny_model(tmp_path_factory.mktemp(f"tiny-{kind}-{seed}") / "model", kind, seed)
        return made[kind, seed]

    return make


def _make_tiny_model(folder: Path, kind: str, seed: int) -> Path:
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, BertModel

    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,()-:?"
    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        *letters,
        *(f"##{letter}" for letter in letters),
        "the",
        "of",
        "query",
    ]
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    table = {"tokenizer_class": "BertTokenizerFast", "model_max_length": 64, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(table))
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64, num_labels=1, initializer_range=0.5,
    )  # fmt: skip
    model_class = BertForSequenceClassification if kind == "cross" else BertModel
    model_class(config).eval().save_pretrained(folder)
    if kind in {"mean", "cls", "dense"}:
        _add_sentence_transformer_files(folder, kind)
    return folder


def _add_sentence_transformer_files(folder: Path, kind: str) -> None:
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, f"pooling_mode_{'cls_token' if kind == 'cls' else 'mean_tokens'}": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    if kind == "dense":
        from sentence_transformers.models import Dense

        (folder / "2_Dense").mkdir()
        Dense(32, 16).save(str(folder / "2_Dense"))
        paths["Dense"] = "2_Dense"
    else:
        paths["Normalize"] = "2_Normalize"
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{name}"}
        for i, (name, path) in enumerate(paths.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 48, "do_lower_case": false}')


DenseIndexOf = Callable[[Path, Sequence[Sequence[tuple[int, Document]]], DenseSettings], "DenseIndex"]


@pytest.fixture(scope="session")
def dense_index_of() -> DenseIndexOf:
    """Builds a dense index of one segment of batches of (row, document) in a folder, and opens it.

    The encoder is in ``encoder/``, the vectors in ``vectors/``, the segment in ``segment/``.
    """

    def build(folder: Path, batches: Sequence[Sequence[tuple[int, Document]]], settings: DenseSettings) -> "DenseIndex":
        from ragqa.index.dense import DenseIndex, Encoding, build_dense
        from ragqa.index.encoder_build import build_encoder
        from ragqa.index.segments import Placed

        documents = [document for batch in batches for document in batch]
        encoder = build_encoder(settings, folder / "encoder", [passage_of(document) for _, document in documents], "")
        encoding = Encoding(encoder, folder / "vectors", settings.overlap_tokens)
        build_dense(batches, folder / "segment", encoding, settings.faiss, n_documents=len(documents))
        encoding.close()
        n_rows = 1 + max((row for row, _ in documents), default=-1)
        segment = Placed(folder / "segment", 0, np.zeros(n_rows, dtype=bool), "build it again: ragqa index build NAME")
        return DenseIndex.open(folder / "encoder", [segment], settings)

    return build


@pytest.fixture
def small_beir(tmp_path: Path) -> Path:
    """A BEIR folder: 60 documents on ten topics, and 20 queries that each ask for one topic and one number."""
    topics = ("statin", "asthma", "stroke", "sleep", "appendix", "obesity", "insulin", "biopsy", "fracture", "vaccine")
    folder = tmp_path / "small"
    (folder / "qrels").mkdir(parents=True)
    documents, queries, judged = [], [], ["query-id\tcorpus-id\tscore"]
    for number in range(60):
        topic, other = topics[number % 10], topics[number * 7 % 10]
        text = f"This trial of {topic} therapy enrolled cohort{number} with {other} as a further subject."
        documents.append({"_id": f"d{number}", "title": f"Trial {number} of {topic}", "text": text})
    for number in range(20):
        queries.append({"_id": f"q{number}", "text": f"Which {topics[number % 10]} trial enrolled cohort{number}?"})
        judged += [f"q{number}\td{number}\t1", f"q{number}\td{(number * 3 + 11) % 60}\t1"]
    for name, rows in (("corpus", documents), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text("\n".join(judged) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")  # while playwright is open, no other test can run an event loop
def browser() -> "Iterator[Browser]":
    """Debian's Chromium."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        message = "no Chromium; install it with: apt-get install chromium"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()
