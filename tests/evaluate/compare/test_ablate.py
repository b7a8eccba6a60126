"""Ablations: which cells a file asks for, what they share, and how settings are chosen."""

from pathlib import Path

import pytest

from ragqa.errors import RecipeError, UsageError
from ragqa.evaluate.compare.ablate import ablate, development_half, read_ablation
from ragqa.evaluate.compare.cells import load_compared
from ragqa.evaluate.compare.grid import cells, load_ablation
from ragqa.evaluate.compare.pairs import compare_runs
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run

GRID = """
base = "bm25-anserini"
mode = "{mode}"
measures = ["nDCG@10", "R@100"]

[settings.retrieve]
depth = 50

[axes.length."b 0.4".bm25]
b = 0.4

[axes.length."b 0".bm25]
b = 0.0

[axes.saturation."k1 0.9".bm25]
k1 = 0.9

[axes.saturation."k1 2".bm25]
k1 = 2.0
"""

TUNED = """
base = "bm25-anserini"
batch = 7

[axes.b."as published"]

[axes.b.tuned.tune]
"bm25.b" = [0.0, 0.4, 1.0]
"""


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    path = tmp_path / "grid.toml"
    path.write_text(GRID.format(mode="grid"))
    return path


def test_a_grid_has_every_combination_and_the_baseline_first(grid: Path) -> None:
    found = cells(load_ablation(str(grid)))

    assert [cell.name for cell in found] == ["b 0.4, k1 0.9", "b 0.4, k1 2", "b 0, k1 0.9", "b 0, k1 2"]
    assert found[1].variants[0].overrides == ("retrieve.depth=50", "bm25.b=0.4", "bm25.k1=2.0")


def test_one_at_a_time_changes_one_axis_from_the_baseline(grid: Path) -> None:
    grid.write_text(GRID.format(mode="one-at-a-time"))

    assert [cell.name for cell in cells(load_ablation(str(grid)))] == ["b 0.4, k1 0.9", "b 0, k1 0.9", "b 0.4, k1 2"]


@pytest.mark.parametrize("name", ["retrievers", "depth", "fusion", "fields", "searches", "rerank"])
def test_the_ablations_that_come_with_ragqa_are_valid(name: str) -> None:
    ablation = load_ablation(name)

    assert ablation.description
    assert len(cells(ablation)) >= 4


def test_a_wrong_setting_names_the_nearest(grid: Path) -> None:
    grid.write_text(GRID.format(mode="grid").replace("k1 = 2.0", "k_1 = 2.0"))

    with pytest.raises(RecipeError, match=r"unknown key 'bm25\.k_1'; did you mean 'k1'"):
        load_ablation(str(grid))


def test_measures_that_the_task_lacks_are_told_and_an_unknown_one_alone_is_refused(
    grid: Path, small_beir: Path
) -> None:
    grid.write_text(GRID.format(mode="one-at-a-time").replace('"R@100"', '"accuracy"'))
    _, result = ablate(str(grid), Request("beir", data=small_beir))

    assert result.measures == ("nDCG@10",)
    assert "Not measured by this task: accuracy" in result.caption
    with pytest.raises(UsageError, match="no measure 'acuracy' is declared; did you mean 'accuracy'"):
        ablate(str(grid), Request("beir", data=small_beir), ['measures=["acuracy"]'])


def test_an_unknown_ablation_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'retrievers'"):
        load_ablation("retriever")


def test_a_grid_that_never_ends_is_refused(grid: Path) -> None:
    values = ", ".join(str(n / 100) for n in range(1, 80))
    grid.write_text(TUNED.replace("[0.0, 0.4, 1.0]", f'[{values}]\n"bm25.k1" = [{values}]'))

    with pytest.raises(RecipeError, match=r"6,242 pipelines; at most 2,000"):
        load_ablation(str(grid))


def test_a_cell_gives_what_a_run_of_its_own_gives(grid: Path, small_beir: Path) -> None:
    path, result = ablate(str(grid), Request("beir", data=small_beir))

    for row in result.rows:
        alone = run(Request("beir", data=small_beir, recipe="bm25-anserini", overrides=row.overrides))[0]
        assert row.figures["nDCG@10"].value == alone.metrics.metrics["nDCG@10"]
        alone_lines = sorted((alone.path / "questions.jsonl").read_text().splitlines())
        cell_lines = sorted((path / row.run / "questions.jsonl").read_text().splitlines())
        assert [line.partition('"timings_ms"')[0] for line in alone_lines] == [
            line.partition('"timings_ms"')[0] for line in cell_lines
        ]


def test_stages_that_cells_agree_in_are_computed_once(small_beir: Path, tmp_path: Path) -> None:
    path = tmp_path / "same.toml"
    path.write_text(
        'base = "bm25-anserini"\nbatch = 20\n[axes.weight.a.retrieve]\ndense_weight = 0.1\n'
        "[axes.weight.b.retrieve]\ndense_weight = 0.2\n[axes.weight.c.bm25]\nk1 = 2.0\n"
    )

    _, result = ablate(str(path), Request("beir", data=small_beir))

    # A single list knows no weight: a and b are the same search.
    assert result.computed == {"retrieve": 2, "search": 2}
    assert result.shared == {"retrieve": 1}
    assert result.rows[0].figures == result.rows[1].figures


def test_a_reranker_reads_once_for_all_weights(small_beir: Path, tmp_path: Path) -> None:
    path = tmp_path / "weights.toml"
    path.write_text(
        'base = "bm25-anserini"\nbatch = 20\nsettings.rerank = {reranker = "reader", depth = 5}\n'
        "[axes.weight.low.rerank]\nweight = 0.1\n[axes.weight.high.rerank]\nweight = 0.9\n"
    )

    _, result = ablate(str(path), Request("beir", data=small_beir))

    assert result.computed == {"retrieve": 1, "search": 1, "rerank": 2, "scores": 1}
    assert result.shared == {"retrieve": 1, "scores": 1}
    first, second = (row.milliseconds["rerank"] for row in result.rows)
    assert second > first / 2, "what was read for another cell counts in a cell's own time"
    for row in result.rows:
        alone = run(Request("beir", data=small_beir, recipe="bm25-anserini", overrides=row.overrides))[0]
        assert row.figures["nDCG@10"].value == alone.metrics.metrics["nDCG@10"]


def test_an_ablation_goes_on_where_it_ended(grid: Path, small_beir: Path) -> None:
    path, first = ablate(str(grid), Request("beir", data=small_beir))
    lines = next((path / "cells").glob("02-*")) / "questions.jsonl"
    kept = lines.read_bytes().splitlines(keepends=True)[:5]
    lines.write_bytes(b"".join(kept))

    _, again = ablate(str(grid), Request("beir", data=small_beir))

    assert again.computed == {"retrieve": 1, "search": 1}
    assert [row.figures for row in again.rows] == [row.figures for row in first.rows]
    assert read_ablation(path) == again


def test_tuned_settings_are_chosen_on_development_questions_and_reported_on_the_others(
    small_beir: Path, tmp_path: Path
) -> None:
    path = tmp_path / "tuned.toml"
    path.write_text(TUNED)

    _, result = ablate(str(path), Request("beir", data=small_beir))

    published, tuned = result.rows
    development = development_half([f"q{n}" for n in range(20)], 0.5)
    assert result.n_development == len(development)
    assert result.n_development + result.n_reported == 20
    assert published.figures["nDCG@10"].n_questions == result.n_reported
    assert list(tuned.development) == ["bm25.b=0.0", "bm25.b=0.4", "bm25.b=1.0"]
    assert tuned.development[tuned.chosen] == max(tuned.development.values())
    assert "development" in result.caption


def test_the_half_of_a_question_does_not_depend_on_the_others() -> None:
    ids = [f"q{n}" for n in range(1000)]

    half = development_half(ids, 0.5)

    assert 450 < len(half) < 550
    assert development_half(ids[:100], 0.5) == {question for question in half if question in set(ids[:100])}


def test_an_ablation_compared_is_its_cells_compared(grid: Path, small_beir: Path, tmp_path: Path) -> None:
    path, result = ablate(str(grid), Request("beir", data=small_beir))

    runs = load_compared([path])

    assert [one.system for one in runs] == [row.name for row in result.rows]
    compared = compare_runs(runs, ["nDCG@10"])
    assert [pair.p_holm for pair in compared.pairs] == [pair.p_holm for pair in result.tests]


def test_the_cells_of_an_ablation_that_tuned_are_not_compared_on_its_development_questions(
    tmp_path: Path, small_beir: Path
) -> None:
    (tmp_path / "tuned.toml").write_text(TUNED)
    path, _ = ablate(str(tmp_path / "tuned.toml"), Request("beir", data=small_beir))

    with pytest.raises(UsageError, match="ragqa eval report"):
        load_compared([path])
