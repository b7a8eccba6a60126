"""A build keeps to the memory that it is given."""

import os
import random
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from ragqa.errors import BackendError
from ragqa.index import lexicon
from ragqa.index.lexicon import Lexicon
from ragqa.index.memory import left_for_faiss, shared_out
from ragqa.recipe import Bm25Settings, DenseSettings, Recipe, RetrieveSettings
from ragqa.types import Document, Section

BM25 = Recipe(bm25=Bm25Settings(), dense=None, retrieve=RetrieveSettings(retrievers=("bm25",)))
HYBRID = Recipe(bm25=Bm25Settings(), dense=DenseSettings())
LEAST = 740_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_a_build_keeps_to_its_memory_under_a_limit_of_the_operating_system(tmp_path: Path) -> None:
    """The limit counts all that the process may write. Java alone takes more where it is not told."""
    chance = random.Random(1)
    lines = [
        f'{{"id": "{number}", "title": "Study {number}", "text": "{" ".join(chance.choices(_WORDS, k=150))}"}}\n'
        for number in range(20_000)
    ]
    (tmp_path / "corpora").mkdir()
    (tmp_path / "articles.jsonl").write_text("".join(lines))
    (tmp_path / "corpora" / "many.toml").write_text(f'format = "jsonl"\nsources = ["{tmp_path}/articles.jsonl"]\n')
    command = [sys.executable, "-m", "ragqa", "index", "build", "many", "--recipe", "bm25-anserini"]

    built = subprocess.run(
        [*command, "--memory", f"{LEAST // 10**6}m"],
        env={**os.environ, "RAGQA_HOME": str(tmp_path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (LEAST, LEAST)),
        capture_output=True,
        text=True,
        check=False,
    )

    assert built.returncode == 0, built.stderr[-2000:]
    assert "20,000" in built.stdout


_WORDS = [f"word{n}" for n in range(30_000)]


def test_what_is_too_little_is_refused_with_what_would_do() -> None:
    for recipe in (BM25, HYBRID):
        with pytest.raises(BackendError, match="are too little to build this index") as refused:
            shared_out(100_000_000, recipe)
        told = re.search(r"--memory (\d+)m", str(refused.value))
        assert told is not None
        assert shared_out(int(told[1]) * 10**6, recipe).heap is not None


def test_more_memory_is_a_larger_heap_and_more_readers_and_all_stays_within_it() -> None:
    for recipe in (BM25, HYBRID):
        shares = [shared_out(size * 10**8, recipe) for size in (27, 40, 80, 400)]
        heaps = [int((share.heap or "").removesuffix("m")) << 20 for share in shares]
        assert heaps == sorted(heaps)
        assert [share.n_readers for share in shares] == sorted(share.n_readers for share in shares)
        assert all(heap < (share.total_bytes or 0) / 1.2 for heap, share in zip(heaps, shares, strict=True))
    assert shared_out(None, HYBRID).heap is None


def test_faiss_gets_what_the_process_has_not_taken() -> None:
    before = left_for_faiss(10**10)
    held = bytearray(10**9)
    after = left_for_faiss(10**10)

    assert before is not None
    assert after is not None
    assert before - after == pytest.approx(len(held), rel=0.05)
    assert left_for_faiss(None) is None


def test_words_that_are_counted_are_bounded_and_frequent_ones_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexicon, "_MOST_COUNTED", 200)
    monkeypatch.setattr(lexicon, "_MOST_EXPLAINED", 20)
    documents = [
        Document(str(n), (Section("abstract", f"aspirin lowers only{n} rare{n} (the gentle disease{n}, GD)."),))
        for n in range(1_000)
    ]

    counting = lexicon._Counting()
    for document in documents:
        counting.add(document)
        assert len(counting._words) <= 200

    counts = Lexicon([counting.counts()])
    assert counts.n_with("aspirin") == counts.n_with("lowers") == 1_000
    assert counts.n_with("only999") == 1
    assert counts.n_with("only0") == 0
