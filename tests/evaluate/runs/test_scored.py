"""One truth per run: whatever is changed in a finished folder is refused, or all of the run is scored anew."""

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from ragqa.errors import ProductError, RagqaError
from ragqa.evaluate.measures.measure import figures
from ragqa.evaluate.report.page import write_report
from ragqa.evaluate.runs.load import load_run
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run
from ragqa.evaluate.runs.scored import SCORES_FILE, read_scored, score_folder


@pytest.fixture(scope="module")
def finished(built_sample, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGQA_HOME", str(built_sample))
        return run(Request("sample", index="sample", out=tmp_path_factory.mktemp("scored") / "run"))[0].path


def shown(path: Path) -> dict[str, float]:
    """The figures that every table of a page is made from, after checking that they agree with each other."""
    loaded = load_run(path)
    from_table = figures(loaded.scores)
    for name, value in loaded.metrics.metrics.items():
        assert from_table[name] == pytest.approx(value, abs=1e-12)
    assert json.loads((path / "metrics.json").read_text())["metrics"] == loaded.metrics.metrics
    return loaded.metrics.metrics


def test_what_is_read_back_is_what_was_scored(finished):
    scored, again = score_folder(finished), read_scored(finished)

    assert again.metrics == scored.metrics
    assert list(again.metrics.metrics) == list(scored.metrics.metrics), "columns stay where they are"
    assert list(again.scores.measures) == list(scored.scores.measures)
    for name, measure in scored.scores.measures.items():
        other = again.scores.measures[name]
        assert (other.question_ids, other.is_mean) == (measure.question_ids, measure.is_mean)
        # Questions outside a measure's denominator have no value.
        np.testing.assert_array_equal(other.values, measure.values)
        np.testing.assert_array_equal(other.features, measure.features)


def test_a_run_with_lines_cut_off_is_refused_with_the_number(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "cut")
    lines = (folder / "questions.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "questions.jsonl").write_bytes(b"".join(lines[:-5]))

    with pytest.raises(ProductError, match=r"5 of \d+ questions have no line"):
        load_run(folder)


def test_changed_lines_are_scored_anew_in_every_table(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "changed")
    before = shown(folder)
    lines = [json.loads(line) for line in (folder / "questions.jsonl").read_text().splitlines()]
    for line in lines:
        line["answer"] = None
    (folder / "questions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    after = shown(folder)

    assert before["rouge_2_f1"] > 0
    assert after["rouge_2_f1"] == 0
    page, _ = write_report([folder], tmp_path / "page")
    assert f"{before['rouge_2_f1']:.4f}" not in page.read_text()


def test_changed_figures_are_replaced_by_those_of_the_lines(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "embellished")
    before = shown(folder)
    content = json.loads((folder / "metrics.json").read_text())
    content["metrics"]["accuracy"] = 0.99
    (folder / "metrics.json").write_text(json.dumps(content))

    assert shown(folder) == before


@pytest.mark.parametrize("name", ["task.json", "manifest.json"])
def test_a_changed_task_or_manifest_is_refused(finished, tmp_path, name):
    folder = shutil.copytree(finished, tmp_path / "other")
    content = json.loads((folder / name).read_text())
    if name == "task.json":
        content["task"]["primary"] = "R@10"
    else:
        content["system"] = "somebody else's"
    (folder / name).write_text(json.dumps(content))

    with pytest.raises(ProductError, match=f"{name} was changed after"):
        load_run(folder)


def mutated(folder: Path, source: random.Random) -> str:
    """Change one file of the folder at random; returns what was done."""
    path = source.choice(sorted(path for path in folder.iterdir() if path.is_file() and path.stat().st_size))
    data = bytearray(path.read_bytes())
    place = source.randrange(len(data))
    what = source.choice(["flip", "cut", "insert", "drop", "swap", "delete"])
    if what == "flip":
        data[place] ^= 1 << source.randrange(8)
    elif what == "cut":
        del data[place:]
    elif what == "insert":
        data[place:place] = bytes([source.randrange(32, 127)])
    elif what == "drop":
        lines = bytes(data).splitlines(keepends=True)
        del lines[source.randrange(len(lines))]
        data = bytearray(b"".join(lines))
    elif what == "swap":
        digits = [i for i, byte in enumerate(data) if chr(byte).isdigit()]
        place = source.choice(digits)
        data[place] = ord("0") + (data[place] - ord("0") + 1) % 10
    if what == "delete":
        path.unlink()
    else:
        path.write_bytes(bytes(data))
    return f"{what} in {path.name} at {place}"


def test_a_hundred_random_mutations_are_each_refused_or_wholly_scored_anew(finished, tmp_path):
    source = random.Random(20250101)
    score_folder(finished)
    true = load_run(finished).metrics.metrics
    kept = 0
    for number in range(100):
        folder = shutil.copytree(finished, tmp_path / str(number))
        what = mutated(folder, source)
        lines = (folder / "questions.jsonl").read_bytes() if (folder / "questions.jsonl").exists() else b""
        try:
            found = shown(folder)
        except RagqaError:
            continue
        kept += 1
        if lines == (finished / "questions.jsonl").read_bytes():
            assert found == true, what
        assert (folder / SCORES_FILE).exists()
        # Reading it again finds the same, without scoring: the folder is whole.
        assert read_scored(folder).metrics.metrics == found, what
        shutil.rmtree(folder)
    assert 10 < kept < 90, "some mutations must be mendable, and some must not"


def test_a_folder_that_cannot_be_written_to_is_an_error_with_a_way_out(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "kept")
    (folder / SCORES_FILE).unlink()
    (folder / SCORES_FILE).mkdir()

    with pytest.raises(ProductError, match="copy the folder"):
        load_run(folder)
