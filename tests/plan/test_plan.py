"""Plans: what fits is planned, what does not is refused with what would, and that then fits."""

import json
import re

import pytest

from ragqa.cli import run
from ragqa.errors import BackendError, UsageError
from ragqa.index.faiss_kinds import KINDS, estimate
from ragqa.plan.costs import growth
from ragqa.plan.plan import Fleet, Wanted, latency_ms, plan

_PUBMED = 38_000_000


def test_all_of_pubmed_fits_on_four_machines_of_64_gib(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--documents", str(_PUBMED), "--machines", "4", "--memory", "64", "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["wanted"]["kind"] == "ivf-pq"  # 9.5 million on each
    assert estimate(_PUBMED // 4, 384, "ivf-pq").query_ram_bytes / 2**30 < told["serve_memory_gib"] < 0.8 * 64
    assert 60 < told["head_disk_gib"] < 250
    assert set(told["build_hours"]) == {"corpus", "bm25", "encoding", "faiss"}
    assert told["p50_ms"] < told["p99_ms"]
    assert told["beyond_measured"] == 38


@pytest.mark.parametrize("kind", KINDS)
def test_any_kind_of_faiss_index_can_be_planned_with(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--documents", "100000", "--memory", "64", "--faiss", kind, "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["wanted"]["kind"] == kind


def test_twice_the_machines_halve_the_hours_of_encoding() -> None:
    one, two = (plan(Fleet(machines, 64), Wanted(_PUBMED)) for machines in (2, 4))

    assert one.build_hours["encoding"] == pytest.approx(2 * two.build_hours["encoding"], rel=0.01)
    assert one.build_hours["bm25"] == two.build_hours["bm25"]


def test_what_cannot_fit_is_refused_and_each_remedy_fits() -> None:
    wanted = Wanted(_PUBMED, kind="flat")
    with pytest.raises(BackendError, match=r"cannot hold 38,000,000 documents.*what would") as refused:
        plan(Fleet(2, 16, disk_gib=100), wanted)

    remedies = re.findall(r"(\d+) machines of (\d+) GiB with (\d+) GiB of disk", str(refused.value))
    assert len(remedies) == 2
    for machines, memory, disk in remedies:
        plan(Fleet(int(machines), float(memory), disk_gib=float(disk)), wanted)


def test_a_machine_too_small_for_vectors_is_told_of_bm25_alone() -> None:
    fleet = Fleet(1, 3.5)
    with pytest.raises(BackendError, match="--encoder none"):
        plan(fleet, Wanted(_PUBMED))

    assert "encoding" not in plan(fleet, Wanted(_PUBMED, encoder=None)).build_hours


def test_more_machines_have_a_longer_tail_for_the_same_share() -> None:
    p99 = [latency_ms(1_000_000 * machines, machines, None)[1] for machines in (1, 4, 32)]

    assert p99 == sorted(p99)
    assert p99[0] == pytest.approx(growth().bm25_p99_ms.of(1_000_000))


@pytest.mark.parametrize("option", [["--documents", "0"], ["--machines", "-1"], ["--memory", "nan"], ["--disk", "-5"]])
def test_numbers_that_mean_nothing_are_refused(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--documents", "1000", "--memory", "8", *option]) == 2
    assert "it must be above 0" in (told := capsys.readouterr().err) or "give GiB" in told


def test_a_fleet_without_a_number_is_refused() -> None:
    with pytest.raises(UsageError, match="cores is 0"):
        plan(Fleet(1, 8, cores=0), Wanted(1000))
