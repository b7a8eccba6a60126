"""Synthetic corpora for benchmarks: as long and as rich in words as the real one, and the same for the same seed."""

import gzip
import importlib.util
import itertools
import json
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ragqa.corpus.build import build_corpus
from ragqa.corpus.settings import CorpusSettings
from ragqa.corpus.store import DocumentStore
from ragqa.corpus.words import tokens

N_SOURCE = 4_000


@pytest.fixture(scope="module")
def synthetic() -> ModuleType:
    path = Path(__file__).parents[2] / "eval/benchmarks/synthetic.py"
    specification = importlib.util.spec_from_file_location("synthetic", path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["synthetic"] = module  # dataclasses look their module up
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def abstracts(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every tenth of the abstracts, so that several rounds of them are quickly written."""
    path = tmp_path_factory.mktemp("source") / "abstracts.jsonl"
    with gzip.open(real_data / "bulk/abstracts.jsonl.gz", "rt", encoding="utf-8") as lines:
        path.write_text("".join(itertools.islice(lines, 0, None, 10)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def source(synthetic: ModuleType, abstracts: Path, real_data: Path) -> Any:
    return synthetic.read_source(abstracts, real_data / "pubmed-xml")


def text_of(line: str) -> str:
    document = json.loads(line)
    return f"{document['title']} {document['text']}"


def test_the_vocabulary_goes_on_growing_as_that_of_the_source(synthetic: ModuleType, source: Any) -> None:
    """Four times the source's text, where its sentences alone would bring no new word after the first quarter."""
    curve, words, n_tokens = [], set(), 0
    for line in synthetic.Synthetic(source).lines(range(4 * len(source.titles))):
        found = tokens(text_of(line))
        n_tokens += len(found)
        words.update(found)
        curve.append((n_tokens, len(words)))
    expected = source.growth.vocabulary(n_tokens)
    assert len(words) == pytest.approx(expected, rel=0.03)
    assert len(words) > 1.5 * len(source.words)
    later = curve[len(source.titles) :]
    slope = np.polyfit(*np.log(np.array(later, dtype=float)).T, 1)[0]
    assert slope == pytest.approx(source.growth.exponent, abs=0.05)


def test_made_words_are_mostly_rare(synthetic: ModuleType, source: Any) -> None:
    lines = synthetic.Synthetic(source).lines(range(4 * len(source.titles)))
    made = Counter(word for line in lines for word in tokens(text_of(line)) if word not in source.words)
    once = sum(n == 1 for n in made.values()) / len(made)
    assert 0.5 < once < 0.8
    assert max(made.values()) > 50


def test_documents_are_as_long_as_real_ones(synthetic: ModuleType, source: Any, abstracts: Path) -> None:
    real = [len(tokens(text_of(line))) for line in abstracts.read_text(encoding="utf-8").splitlines()]
    made = [len(tokens(text_of(line))) for line in synthetic.Synthetic(source).lines(range(N_SOURCE))]
    assert np.mean(made) == pytest.approx(np.mean(real), rel=0.05)
    for share in (10, 50, 90):
        assert np.percentile(made, share) == pytest.approx(np.percentile(real, share), rel=0.15)


def test_the_same_seed_gives_the_same_bytes_whatever_is_written_at_once(synthetic: ModuleType, source: Any) -> None:
    whole = list(synthetic.Synthetic(source, 5).lines(range(9_000)))
    stream = synthetic.Synthetic(source, 5)
    assert [*stream.lines(range(2_000)), *stream.lines(range(2_000, 9_000))] == whole
    assert list(synthetic.Synthetic(source, 6).lines(range(9_000))) != whole


def test_a_corpus_is_built_of_it_with_facts_to_filter_by(synthetic: ModuleType, source: Any, tmp_path: Path) -> None:
    synthetic.write_corpus(synthetic.Synthetic(source), range(1, 301), tmp_path / "sources")
    settings = CorpusSettings(("sources",), "jsonl")
    total = build_corpus("made", settings, tmp_path, tmp_path / "corpora" / "made").counts["total"]
    assert total["live"] == 300
    assert total["ignored_keys"] == []
    with DocumentStore.open(tmp_path / "corpora" / "made") as store:
        documents = [document for batch in store.scan() for _, document in batch]
    assert [document.id for document in documents] == [str(number) for number in range(1, 301)]
    assert {document.year for document in documents} > {2013, 2020}
    assert any(heading.name == "Humans" for document in documents for heading in document.mesh)
    assert any(document.publication_types for document in documents)
