"""The kind of FAISS index that is chosen finds nearly all that the exact one finds: real abstracts, real questions."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ragqa.corpus.build import CorpusSettings, build_corpus
from ragqa.corpus.store import DocumentStore
from ragqa.index.dense import DenseIndex
from ragqa.index.dense_build import DESCRIPTION, build_dense
from ragqa.index.encoder import Encoder
from ragqa.index.encoder_build import build_encoder
from ragqa.index.encoding import Encoding, passage_of
from ragqa.index.faiss_kinds import Kind, estimate
from ragqa.index.segments import Placed
from ragqa.index.static_build import distil
from ragqa.recipe import DenseSettings

N, N_QUESTIONS, N_TOKENS = 20_000, 150, 16_000
ENCODER, REMEDY = "encoder", "build it again"


@pytest.fixture(scope="module")
def built(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, int], tuple[str, DenseIndex]]:
    """Builds an index of the first documents within some memory, and opens it: its kind and itself."""
    home = tmp_path_factory.mktemp("faiss")
    source = real_data / "bulk" / "abstracts.jsonl.gz"
    build_corpus("real", CorpusSettings(sources=(str(source),), format="jsonl"), home, home / "corpus")
    store = DocumentStore.open(home / "corpus")
    documents = [pair for batch in store.scan(rows=(0, N)) for pair in batch]
    teacher = build_encoder(DenseSettings(), home / "teacher", [passage_of(d) for _, d in documents[:32]], REMEDY)
    encoding = Encoding(teacher, home / "vectors", 0)
    distil(encoding, "static", store, home / ENCODER, n_tokens=N_TOKENS)
    static = Encoding(Encoder.open(home / ENCODER, REMEDY), home / "vectors", 32)

    def build(n_documents: int, memory_bytes: int) -> tuple[str, DenseIndex]:
        folder = home / f"{n_documents}-{memory_bytes}"
        made = build_dense(
            [documents[:n_documents]], folder, static, "auto", n_documents=n_documents, memory_bytes=memory_bytes
        )
        assert (folder / DESCRIPTION).is_file()
        segment = Placed(folder, 0, np.zeros(n_documents, dtype=bool), REMEDY)
        return made.kind, DenseIndex.open(home / ENCODER, [segment], DenseSettings(encoder="static"))

    return build


@pytest.mark.parametrize("kind", ["ivf-pq", "ivf-pq-small"])
@pytest.mark.parametrize("n_documents", [10_000, N])
def test_at_least_95_of_100_of_the_nearest_are_found_in_little_memory(
    kind: Kind, n_documents: int, built: Callable[[int, int], tuple[str, DenseIndex]], real_data: Path
) -> None:
    with (real_data / "beir" / "bioasq-passages" / "queries.jsonl").open(encoding="utf-8") as file:
        questions = [json.loads(line)["text"] for line, _ in zip(file, range(N_QUESTIONS), strict=False)]
    exact_kind, exact = built(n_documents, 10**10)
    assert exact_kind == "flat"
    chosen, index = built(n_documents, estimate(n_documents + 100, 384, kind).build_ram_bytes)  # some have two passages
    assert chosen == kind
    allowed = np.random.default_rng(0).random(n_documents) < 0.3
    for mask in (None, allowed):
        found, wanted = index.search(questions, 10, mask).rows, exact.search(questions, 10, mask).rows
        shared = [len(set(a) & set(b)) / 10 for a, b in zip(found.tolist(), wanted.tolist(), strict=True)]
        assert np.mean(shared) >= 0.95
