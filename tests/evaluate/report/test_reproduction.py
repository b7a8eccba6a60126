"""Claimed figures made anew: what passes, what fails, what cannot be run."""

import json
from pathlib import Path

import pytest

from ragqa.cli import run
from ragqa.errors import RecipeError, UsageError
from ragqa.evaluate.report.reproduction import claims, reproduce

CLAIMS = """
[[figures]]
name = "as it is"
task = "beir"
data = "small"
recipe = "bm25-anserini"
measure = "{measure}"
expected = "{expected}"

[[figures]]
name = "<b>elsewhere</b>"
task = "beir"
data = "not-there"
measure = "nDCG@10"
expected = "0.5"
get = "Ask for it."
"""


@pytest.fixture
def claimed(small_beir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "home"))
    path = tmp_path / "home" / "eval" / "reproductions.toml"
    path.parent.mkdir(parents=True)
    path.write_text(CLAIMS.format(measure="MRR@10", expected="0.00"))
    return path


def test_what_comes_out_otherwise_fails_and_what_cannot_be_run_is_told(
    claimed: Path, small_beir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["eval", "reproduce", "--data", str(small_beir.parent)]

    assert run(options) == 1
    assert "fail" in capsys.readouterr().out
    page = claimed.parent / "reproduction" / "reproduction.html"
    measured = json.loads(page.with_suffix(".json").read_text())["results"][0]["measured"]
    claimed.write_text(CLAIMS.format(measure="MRR@10", expected=f"{measured:.2f}"))
    assert run(options) == 0
    near = CLAIMS.format(measure="MRR@10", expected=f"{measured + 0.03:.4f}").replace(
        "[[figures]]", "[[figures]]\nwithin = 0.04", 1
    )
    claimed.write_text(near)
    assert run(options) == 0
    assert "± 0.04" in page.read_text()
    claimed.write_text(near.replace("within = 0.04", "within = 0.02"))
    assert run(options) == 1
    claimed.write_text(CLAIMS.format(measure="MRR@10", expected=f"{measured:.2f}"))
    assert run(options) == 0
    assert "Ask for it." in capsys.readouterr().out
    text = page.read_text()
    assert "1 of 2 figures" in text
    assert f"--data {small_beir.parent}/small --recipe bm25-anserini" in text
    assert "<b>elsewhere" not in text


def test_a_claim_of_a_measure_that_the_run_lacks_is_an_error(claimed: Path, small_beir: Path, tmp_path: Path) -> None:
    claimed.write_text(CLAIMS.format(measure="accuracy", expected="0.1"))

    with pytest.raises(UsageError, match="claims 'accuracy'"):
        reproduce(claims(["as it is"]), small_beir.parent, tmp_path / "out")


def test_unknown_names_and_keys_are_told(claimed: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'as it is'"):
        claims(["as it iss"])
    claimed.write_text('[[figures]]\nnam = "x"\n')
    with pytest.raises(RecipeError, match="nam"):
        claims()


def test_the_claims_that_come_with_ragqa_are_valid() -> None:
    assert len(claims()) >= 5
    for claim in claims():
        float(claim.expected)


def test_a_figure_that_ragqa_claims_of_its_reader_comes_out(real_data: Path, sample_home: Path, tmp_path: Path) -> None:
    found = reproduce(claims(["Evidence Inference, the trained reader"]), real_data, tmp_path / "out")

    assert [result.status for result in found.results] == ["pass"]
