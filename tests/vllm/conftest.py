"""The real vLLM server (CPU build) with a tiny random model, started once for all tests that need it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ragqa import recipe
from ragqa.answer.chat.reader import ChatReader
from ragqa.recipe import AnswerSettings, EndpointSettings
from ragqa.types import Document, PublicationType, Section

ROOT = Path(__file__).parent.parent.parent
KEY = "a key for the tests"
KEY_VARIABLE = "RAGQA_TEST_VLLM_KEY"
MODELS = ("tiny", "second")  # two names of one model, so that it can vote as two
CONTEXT = 4096
CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@dataclass
class VllmServer:
    """A vLLM server on a port of its own, which can be killed and started again."""

    environment: Path
    model: Path
    log: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None
    start_seconds: list[float] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Start it by ragqa's own script, as a user does, and wait until it answers."""
        began = time.monotonic()
        command = [
            sys.executable, str(ROOT / "services" / "vllm.py"), "serve", "--cpu", "--env", str(self.environment),
            "--port", str(self.port), "--log", str(self.log), str(self.model), "--",
            "--served-model-name", *MODELS, "--dtype", "bfloat16", "--enforce-eager",
            "--max-model-len", str(CONTEXT), "--api-key", KEY,
        ]  # fmt: skip
        variables = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"}
        self.process = subprocess.Popen(command, env=variables, start_new_session=True, stderr=subprocess.DEVNULL)
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() - began > 300:
                text = self.log.read_text(errors="replace") if self.log.is_file() else ""
                pytest.fail(f"vLLM did not start:\n{text[-3000:]}")
            time.sleep(0.2)
        self.start_seconds.append(time.monotonic() - began)

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait(timeout=30)
        self.process = None

    def signal(self, which: signal.Signals) -> None:
        """Send a signal to the server and to the processes that it started."""
        import psutil

        if self.process is None:
            return
        parent = psutil.Process(self.process.pid)
        for process in [*parent.children(recursive=True), *([parent] if which == signal.SIGKILL else [])]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(which)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def settings(self, **values: Any) -> EndpointSettings:
        """Settings of an endpoint for this server."""
        return recipe.from_table(self._table(values), EndpointSettings)

    def reader(self, answer: dict[str, Any] | None = None, **chat: Any) -> ChatReader:
        """The reader ``chat`` on this server. What a random model says has no support: it is marked, not removed."""
        table = {"unsupported": "mark", **self._table(chat)}
        return ChatReader.open(
            recipe.from_table(
                {"abstain_below": 0.0, "verdict_above": 0.0, **(answer or {}), "chat": table}, AnswerSettings
            )
        )

    def overrides(self, **chat: Any) -> list[str]:
        """What makes an engine use this server."""
        table = {"unsupported": "mark", **self._table(chat)}
        values = [f"answer.chat.{key}={json.dumps(value)}" for key, value in table.items()]
        return ["answer.reader=chat", "answer.abstain_below=0.0", "answer.verdict_above=0.0", *values]

    def _table(self, values: dict[str, Any]) -> dict[str, Any]:
        given = {"base_url": self.base_url, "model": MODELS[0], "api_key_variable": KEY_VARIABLE, "max_tokens": 300}
        return {**given, **values}


@pytest.fixture(scope="session")
def vllm_environment() -> Path:
    """The environment with vLLM: RAGQA_VLLM names it, else it is .venv-vllm."""
    named = os.environ.get("RAGQA_VLLM")
    path = Path(named) if named else ROOT / ".venv-vllm"
    if (path / "bin" / "python").is_file():
        return path
    message = f"these tests run the real vLLM, and there is none in {path}; make it with: make vllm-test-env"
    if named or os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of 2 layers with a tokenizer of 2,000 tokens, trained on the sample and the prompts."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-llama")
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "ragqa").rglob("prompts/*.txt"))]
    texts += [path.read_text(encoding="utf-8") for path in sorted((ROOT / "corpora" / "sample").rglob("*.xml"))]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=2000, special_tokens=special, initial_alphabet=alphabet)
    tokenizer.train_from_iterator(texts, trainer)
    names = {"bos_token": "<s>", "eos_token": "<|end|>", "pad_token": "</s>"}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)
    fast.chat_template = CHAT_TEMPLATE
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(fast), hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, head_dim=64, max_position_embeddings=CONTEXT, bos_token_id=fast.bos_token_id,
        eos_token_id=fast.eos_token_id, pad_token_id=fast.pad_token_id,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    _let_its_sentences_end(model, fast)
    model.to(torch.bfloat16).save_pretrained(folder)
    return folder


def _let_its_sentences_end(model: Any, tokenizer: Any) -> None:
    """Make the marks that end strings and lists, and the start of "true", likelier than other tokens.

    Every token's vector gets the same value in its first dimension, which comes through the layers, so that the
    first column of the output matrix acts as a bias. Without one all tokens are about equally likely, and a
    sentence has hundreds of words.
    """
    import torch

    biases = {'"': 6.5, "t": 4.0, ",": 5.0, "]": 4.0, "}": 4.0}
    with torch.no_grad():
        model.model.embed_tokens.weight[:, 0] = 0.2
        hidden = model.model(torch.arange(100, 200)[None]).last_hidden_state
        model.lm_head.weight.normal_(0.0, 0.08)
        model.lm_head.weight[:, 0] = 0.0
        for text, bias in biases.items():
            (token,) = tokenizer.encode(text, add_special_tokens=False)
            model.lm_head.weight[token, 0] = bias / float(hidden[..., 0].mean())


@pytest.fixture(scope="session")
def vllm_server(
    vllm_environment: Path, tiny_llama: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[VllmServer]:
    """The server, shared by all tests; whoever kills it starts it again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = VllmServer(vllm_environment, tiny_llama, tmp_path_factory.mktemp("vllm") / "log", port)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture
def vllm(vllm_server: VllmServer, monkeypatch: pytest.MonkeyPatch) -> VllmServer:
    """The running server, and its key where the readers look for it."""
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    return vllm_server


def article(document_id: str, title: str, *parts: str, **fields: Any) -> Document:
    """A randomised trial of 2012 with these parts in its abstract."""
    sections = [Section("title", title), *(Section(f"abstract.{i}", text) for i, text in enumerate(parts))]
    trial = PublicationType("Randomized Controlled Trial", "D016449")
    return Document(document_id, tuple(sections), year=2012, publication_types=(trial,), **fields)


@pytest.fixture(scope="session")
def articles() -> Sequence[Document]:
    """Two trials that disagree, and a retracted one."""
    return (
        article(
            "101",
            "Atorvastatin before coronary bypass grafting.",
            "Atorvastatin reduced atrial fibrillation after bypass grafting (35% against 57%, p<0.05). "
            "Patients left hospital earlier.",
            "Statins may be considered before bypass grafting.",
        ),
        article(
            "102",
            "Rosuvastatin in cardiac surgery.",
            "Rosuvastatin did not prevent atrial fibrillation after cardiac surgery. "
            "Acute kidney injury was more frequent with rosuvastatin.",
        ),
        article("103", "Statins abolish atrial fibrillation.", "Atrial fibrillation fell by 99%.", retracted=True),
    )
