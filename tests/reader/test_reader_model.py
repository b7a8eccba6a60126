"""The shipped model: whole, honest about its making, and able to tell what a sentence says."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ragqa.errors import ProductError
from ragqa.manifest import file_hash
from ragqa.reader.model import CARD, GRAPH, VOCABULARY, WEIGHTS, open_model

PASSAGE = [
    "Two hundred patients were randomised to aspirin or placebo.",
    "Aspirin significantly reduced the risk of stroke (P = .01).",
    "Nausea did not differ between the groups.",
]


def test_the_files_are_those_of_the_card() -> None:
    card = open_model().card

    assert set(card.files) == {GRAPH, VOCABULARY}
    assert all(file_hash(WEIGHTS / name) == wanted for name, wanted in card.files.items())
    assert (WEIGHTS / GRAPH).stat().st_size <= 25_000_000
    assert all(source["licence"] and source["sha256"] for source in card.data)
    assert not any(name in str(source["name"]) for source in card.data for name in ("HealthVer", "NLI4CT"))
    assert card.figures["int8"]


def test_each_figure_of_the_card_lies_within_its_interval() -> None:
    figures = open_model().card.figures

    assert set(figures["fp32"]) == set(figures["int8"])
    for figure in (*figures["fp32"].values(), *figures["int8"].values(), figures["flipped_verdicts"]):
        low, high = figure["interval"]
        assert 0 <= low <= figure["value"] <= high <= 1
        assert figure["n"] > 0


def test_a_changed_file_is_told(tmp_path: Path) -> None:
    for name in (GRAPH, VOCABULARY, CARD):
        (tmp_path / name).write_bytes((WEIGHTS / name).read_bytes())
    damaged = bytearray((tmp_path / GRAPH).read_bytes())
    damaged[1000] ^= 1
    (tmp_path / GRAPH).write_bytes(damaged)

    with pytest.raises(ProductError, match=r"missing or changed.*pip install"):
        open_model(tmp_path)


def test_a_missing_card_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProductError, match=r"pip install"):
        open_model(tmp_path)


def test_a_reading_has_numbers_for_each_sentence() -> None:
    (reading,) = open_model().read([("Does aspirin prevent stroke?", PASSAGE)])

    assert reading.evidence.shape == (3,)
    assert reading.stance.shape == (3, 3)
    assert reading.direction.shape == (3, 4)
    np.testing.assert_allclose(reading.stance.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(reading.direction_of_all.sum(), 1, atol=1e-5)


def test_the_same_pairs_read_the_same() -> None:
    pairs = [("Does aspirin prevent stroke?", PASSAGE), ("Does aspirin cause nausea?", PASSAGE[:2])]
    first, second = open_model().read(pairs), open_model().read(pairs)

    assert [reading.relevance for reading in first] == [reading.relevance for reading in second]
    assert json.dumps([r.stance.tolist() for r in first]) == json.dumps([r.stance.tolist() for r in second])


def test_nothing_is_read_from_nothing() -> None:
    assert open_model().read([]) == []
    (reading,) = open_model().read([("Does aspirin prevent stroke?", [])])
    assert reading.evidence.size == 0


def test_many_articles_take_no_more_memory_than_a_few() -> None:
    program = (
        "import psutil; from ragqa.reader.model import open_model\n"
        "article = ['Preoperative statins reduced atrial fibrillation after bypass grafting in all patients.'] * 30\n"
        "open_model().read_documents('Do statins help?', [article] * 2)\n"
        "before = psutil.Process().memory_info().rss\n"
        "open_model().read_documents('Do statins help?', [article] * 20)\n"
        "print((psutil.Process().memory_info().rss - before) / 1e6)"
    )

    grown_mb = float(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)

    assert grown_mb < 20
