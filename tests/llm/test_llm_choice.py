import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.llm.choice import check_choices, choice_probabilities, fit_temperature, scale

MASSES = st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3)


def distribution(masses: list[float]) -> dict[str, float]:
    return {label: mass / sum(masses) for label, mass in zip(("yes", "no", "maybe"), masses, strict=True)}


def test_tokens_that_begin_a_choice_are_added_up() -> None:
    likeliest = {"m": math.log(0.1), "ma": math.log(0.2), "y": math.log(0.3), "x": math.log(0.4)}

    found = choice_probabilities(["yes", "no", "maybe"], [("y", likeliest)])

    assert found == pytest.approx({"yes": 0.5, "no": 0.0, "maybe": 0.5})


def test_quotes_and_spaces_before_the_choice_are_passed_over() -> None:
    positions = [('"', {'"': 0.0}), (" yes", {" yes": math.log(0.6), "No": math.log(0.3), "masked": -9999.0})]

    found = choice_probabilities(["yes", "no"], positions)

    assert found == pytest.approx({"yes": 2 / 3, "no": 1 / 3})


def test_without_log_probabilities_there_are_none() -> None:
    assert choice_probabilities(["yes", "no"], []) == {}


def test_choices_that_one_token_cannot_tell_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="first character"):
        check_choices(["yes", "yet"])


@given(masses=MASSES, temperature=st.floats(0.1, 10.0))
def test_scaling_keeps_the_order_and_the_sum(masses: list[float], temperature: float) -> None:
    before = distribution(masses)

    after = scale(before, temperature)

    assert sum(after.values()) == pytest.approx(1.0)
    assert max(after.values()) == pytest.approx(after[max(before, key=before.__getitem__)])


def test_an_overconfident_model_gets_a_temperature_above_one() -> None:
    predictions = [{"yes": 0.99, "no": 0.01}] * 100
    gold = ["yes"] * 75 + ["no"] * 25

    temperature = fit_temperature(predictions, gold)

    assert scale(predictions[0], temperature)["yes"] == pytest.approx(0.75, abs=1e-3)


@given(st.lists(st.tuples(MASSES, st.sampled_from(("yes", "no", "maybe"))), min_size=1, max_size=20))
def test_the_fitted_temperature_is_no_worse_than_none(data: list[tuple[list[float], str]]) -> None:
    predictions, gold = [distribution(masses) for masses, _ in data], [label for _, label in data]

    def loss(temperature: float) -> float:
        scaled = [scale(p, temperature)[label] for p, label in zip(predictions, gold, strict=True)]
        return -sum(math.log(max(p, 1e-12)) for p in scaled)

    assert loss(fit_temperature(predictions, gold)) <= loss(1.0) + 1e-3


def test_a_temperature_needs_one_label_for_each_prediction() -> None:
    with pytest.raises(ValueError, match="one label each"):
        fit_temperature([{"yes": 1.0}], [])
