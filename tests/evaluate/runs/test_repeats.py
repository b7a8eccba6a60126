"""The same run several times: what varies, what does not, and what a question set can tell apart."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ragqa.errors import UsageError
from ragqa.evaluate.compare.cells import load_compared
from ragqa.evaluate.compare.noise import signal_to_noise
from ragqa.evaluate.measures.measure import mean_measure
from ragqa.evaluate.runs.load import load_run
from ragqa.evaluate.runs.repeats import Noise, Repeats, read_repeats, run_repeats
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.stats.power import detectable_difference, standard_error
from ragqa.evaluate.stats.tests import compare


def bm25(folder: Path, **changes: object) -> Request:
    return replace(Request("beir", data=folder, recipe="bm25-anserini", batch=5), **changes)


def test_repeats_without_a_generator_differ_in_their_times_alone(small_beir: Path) -> None:
    path, found = run_repeats(bm25(small_beir), 3)

    assert found == read_repeats(path)
    noise = found.measures["nDCG@10"]
    assert noise.figures == (noise.mean,) * 3
    assert noise.between_runs == 0.0
    # Each repeat searches by itself: no two batches take the same time.
    times = found.milliseconds["bm25"]
    assert len(set(times)) == 3
    assert all(load is not None and load >= 0 for load in found.loads)


def test_repeats_go_on_where_they_ended(small_beir: Path) -> None:
    path, before = run_repeats(bm25(small_beir), 2)
    lines = path / "repeat-02" / "questions.jsonl"
    lines.write_bytes(b"".join(lines.read_bytes().splitlines(keepends=True)[:-3]))

    _, again = run_repeats(bm25(small_beir), 2)

    assert again.measures == before.measures
    assert len(load_run(path / "repeat-02").manifest.sessions) == 2


def test_a_generator_has_another_seed_in_each_repeat() -> None:
    from ragqa.evaluate.runs.ready import make_ready
    from ragqa.evaluate.runs.repeats import _reseeded
    from ragqa.evaluate.tasks.registry import load_tasks

    request = Request("sample", corpus="sample", recipe="sample", overrides=("answer.chat.seed=7",))
    from ragqa import products

    products.build_corpus("sample")
    plain = make_ready(request, load_tasks("sample")[0])
    chat = replace(
        plain,
        wanted=replace(
            plain.wanted,
            recipe=replace(plain.wanted.recipe, answer=replace(plain.wanted.recipe.answer, reader="chat")),
        ),
    )

    seeds = [_reseeded(chat, place).wanted.recipe.answer.chat.seed for place in range(3)]

    assert seeds == [7, 8, 9]
    assert _reseeded(plain, 2) is plain


def test_one_repeat_is_refused_and_a_folder_of_repeats_is_no_run(small_beir: Path) -> None:
    with pytest.raises(UsageError, match="at least 2"):
        run_repeats(bm25(small_beir), 1)
    path, _ = run_repeats(bm25(small_beir), 2)
    with pytest.raises(UsageError, match="ragqa eval noise"):
        load_compared([path, path])


def repeats(mean: float, between: float) -> Repeats:
    noise = Noise((mean - between, mean + between), mean, between, 0.1, None)
    return Repeats("x", "t", ("1", "2"), "accuracy", {"accuracy": noise}, {}, (None, None))


def test_signal_and_noise() -> None:
    found = signal_to_noise([repeats(0.6, 0.01), repeats(0.8, 0.03), repeats(0.7, 0.02)])[0]

    assert found.signal == pytest.approx(0.2 / 0.7)
    assert found.noise == pytest.approx(0.02 / 0.7)
    assert found.ratio == pytest.approx(10)
    with pytest.raises(UsageError, match="at least two systems"):
        signal_to_noise([repeats(0.6, 0.01)])


def test_a_difference_as_large_as_told_is_found_four_times_in_five() -> None:
    generator = np.random.default_rng(1)
    n = 120
    noise = generator.normal(size=(2000, n)) * 0.2
    told = detectable_difference(float(noise.std()) / n**0.5)
    assert told is not None
    ids = [str(place) for place in range(n)]
    found = 0
    for row in noise[:200]:
        a = mean_measure("nDCG@10", dict(zip(ids, (0.5 + told + row).tolist(), strict=True)))
        b = mean_measure("nDCG@10", dict.fromkeys(ids, 0.5))
        found += compare(a, b, n_resamples=2000).p_value < 0.05

    assert 0.72 < found / 200 < 0.87


def test_the_power_of_a_comparison_is_told() -> None:
    ids = [str(place) for place in range(50)]
    values = np.random.default_rng(2).random(50)
    a = mean_measure("nDCG@10", dict(zip(ids, values.tolist(), strict=True)))
    b = mean_measure("nDCG@10", dict(zip(ids, values[::-1].tolist(), strict=True)))

    one = compare(a, b)

    deltas = a.values - b.values
    assert one.detectable == pytest.approx(2.8016 * deltas.std(ddof=1) / 50**0.5, rel=1e-4)
    same = compare(a, a)
    assert (same.detectable, same.n_needed) == (None, None)
    assert standard_error(a.features[:1], a.combine) == 0.0
