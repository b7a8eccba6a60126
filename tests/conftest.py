"""What all tests share: a home of their own, no network beyond this machine, and where real data lies."""

import contextlib
import json
import os
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ragqa.index.encoding import passage_of
from ragqa.recipe import DenseSettings
from ragqa.types import Document

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from ragqa.index.dense import DenseIndex

_SHARING = ("vllm", "ray")  # folders whose tests share what takes long to start
_FIRST = (*_SHARING, "real", "serve")  # folders with tests that take or wait long, so that none of them comes last
_real_connect = socket.socket.connect


def _connect_to_this_machine_only(self: socket.socket, address: object) -> None:
    if isinstance(address, tuple) and not str(address[0]).startswith("127.") and address[0] not in {"localhost", "::1"}:
        raise OSError(f"tests must not reach the network: {address}")
    _real_connect(self, address)  # type: ignore[arg-type]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes or waits long comes first."""
    items.sort(key=lambda item: _FIRST.index(item.path.parent.name) if item.path.parent.name in _FIRST else len(_FIRST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> object:
    """A file's tests run in one process, which makes its fixtures once; likewise all that share vLLM or a cluster."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFixtures(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = PurePosixPath(nodeid.partition("::")[0])
            return file.parent.name if file.parent.name in _SHARING else str(file)

    return ByFixtures(config, log)


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
def s3_server() -> Iterator[str]:
    """The address of a server that speaks the protocol of S3: HOST:PORT."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket called ``bucket``, as a file system of pyarrow whose paths start with its name."""
    from pyarrow import fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{s3_server}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    options = "allow_bucket_creation=true&allow_bucket_deletion=true"
    store, _ = fs.FileSystem.from_uri(f"s3://bucket?{options}&endpoint_override={s3_server}&scheme=http")
    store.create_dir("bucket")
    yield store
    store.delete_dir("bucket")


class Line:
    """Passes on what comes from the store, and counts it; cuts all connections once so many bytes have passed."""

    def __init__(self, store: str) -> None:
        self.n_bytes = 0
        self.cut_after: int | None = None
        self._store = store
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                host, port = self._store.split(":")
                server = socket.create_connection((host, int(port)))
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(10_000):
                self.n_bytes += len(data)
                if self.cut_after is not None and self.n_bytes > self.cut_after:
                    break
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def line(s3_server: str) -> Iterator[Line]:
    opened = Line(s3_server)
    yield opened
    opened.close()


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


class FileServer(ThreadingHTTPServer):
    """Serves ``files`` (path → content) and listings of folders, and misbehaves as it is told.

    It breaks the connection off after ``cut`` bytes as often as ``n_cuts`` says, is too busy as often as ``n_busy``
    says, and continues files where ``ranges`` allows it.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _FileHandler)
        self.files: dict[str, bytes] = {}
        self.cut = self.n_cuts = self.n_busy = 0
        self.ranges = True
        self.requests: list[tuple[str, str | None]] = []

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def body(self, path: str) -> bytes | None:
        """A file, or the names in a folder as Apache lists them."""
        if not path.endswith("/"):
            return self.files.get(path)
        names = {name.removeprefix(path).split("/")[0] for name in self.files if name.startswith(path)}
        links = "".join(f'<a href="{name}">{name}</a>  2026-01-10 14:05   19M\n' for name in sorted(names))
        head = '<a href="?C=N;O=D">Name</a> <a href="/pubmed/">Parent Directory</a><hr>'
        return f"<html><body><pre>{head}\n{links}</pre></body></html>".encode() if names else None


class _FileHandler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers.get("Range")))
        body = self.server.body(self.path)
        if self.server.n_busy:
            self.server.n_busy -= 1
            self.send_error(503)
            return
        if body is None:
            self.send_error(404)
            return
        begin = 0
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if match and self.server.ranges:
            begin = int(match[1])
            if begin >= len(body):
                self.send_error(416)
                return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(body) - begin))
        self.end_headers()
        rest = body[begin:]
        if self.server.n_cuts:
            self.server.n_cuts -= 1
            rest = rest[: self.server.cut]
        self.wfile.write(rest)

    def do_HEAD(self) -> None:
        body = self.server.body(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def file_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A server of files on this machine, with no pauses between attempts."""
    monkeypatch.setattr("ragqa.fetch.BACK_OFF_SECONDS", 0.01)
    with FileServer() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()
