"""How many cores a process computes on."""

import pytest

from ragqa.cores import VARIABLE, n_cores


@pytest.mark.parametrize(("told", "n"), [("1", 1), ("100000", None), ("0", None), ("many", None), ("", None)])
def test_a_process_computes_on_what_it_is_told_as_far_as_it_may(
    told: str, n: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    usable = n_cores()

    monkeypatch.setenv(VARIABLE, told)

    assert n_cores() == (usable if n is None else n)
