"""Whether an article speaks for or against a claim is told by what it says alone, not by how well it fits."""

import pytest

from ragqa.check.stance import FEATURES, weights

FITS = {"relevance": 5.0, "lead": 0.3, "evidence": 3.0, "says_something": 0.9, "best_coverage": 0.8, "coverage": 0.9}


def probabilities(**features: float) -> tuple[float, float, float]:
    return weights().probabilities({name: features.get(name, 0.0) for name in FEATURES})


def test_probabilities_add_up_to_one() -> None:
    assert sum(probabilities(**FITS, lean=1.0)) == pytest.approx(1.0)


def test_what_leans_to_yes_supports_and_to_no_contradicts_however_well_it_fits() -> None:
    for lead in (0.0, 0.3, 1.0):
        for coverage in (0.3, 1.0):
            fits = {**FITS, "lead": lead, "coverage": coverage}
            supports, contradicts, _ = probabilities(**fits, lean=1.0)
            assert supports > contradicts
            supports, contradicts, _ = probabilities(**fits, lean=-1.0)
            assert contradicts > supports


def test_what_fits_better_says_more() -> None:
    assert probabilities(**FITS, lean=1.0)[2] < probabilities(**{**FITS, "coverage": 0.2, "lead": -0.5}, lean=1.0)[2]
