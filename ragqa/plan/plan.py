"""A fleet and a corpus → memory, disk, hours and latency, from the growth figures; what cannot fit is refused."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import NormalDist

from ragqa.errors import BackendError, UsageError
from ragqa.index.faiss_kinds import KINDS, Kind, estimate, preferred
from ragqa.plan.costs import EncoderKind, growth, n_compared

_MIB, _GIB, _HOUR = 1 << 20, 1 << 30, 3600
_USABLE = 0.8
"""The share of memory that is planned with; the rest is the system's, and that of files read lately."""
_MOST_MACHINES = 1024


@dataclass(frozen=True, slots=True)
class Fleet:
    """Equal machines: how many, and of each the memory and disk in GiB (disk 0: not checked) and the cores."""

    machines: int
    memory_gib: float
    cores: int = 4
    disk_gib: float = 0.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be served.

    Attributes
    ----------
    n_documents
        Articles, each with one vector, as abstracts have.
    encoder
        ``static``, ``transformer``, or None for BM25 alone.
    kind
        FAISS's kind; None takes the first that fits.
    dim
        Dimensions of a vector.
    """

    n_documents: int
    encoder: EncoderKind | None = "transformer"
    kind: Kind | None = None
    dim: int = 384


@dataclass(frozen=True, slots=True)
class Plan:
    """What it takes.

    Attributes
    ----------
    fleet, wanted
        As they were given, the kind resolved.
    build_memory_gib, serve_memory_gib
        On the machine that builds, at its height; on each machine that serves its share.
    head_disk_gib, shard_disk_gib
        Corpus, index and vectors on the machine that builds; the share of the index on each other one.
    build_hours
        Reading, BM25, encoding, FAISS, in this order: encoding on all cores of all machines, FAISS on the cores of one,
        the others on one core.
    p50_ms, p99_ms
        Of one search that waits for all machines.
    beyond_measured
        How many times the corpus is larger than the largest that was measured.
    """

    fleet: Fleet
    wanted: Wanted
    build_memory_gib: float
    serve_memory_gib: float
    head_disk_gib: float
    shard_disk_gib: float
    build_hours: dict[str, float]
    p50_ms: float
    p99_ms: float
    beyond_measured: float


def plan(fleet: Fleet, wanted: Wanted) -> Plan:
    """What a corpus takes on a fleet.

    Raises
    ------
    UsageError
        A number is not above 0.
    BackendError
        It does not fit; the message tells what would.
    """
    _check(fleet, wanted)
    drafts = list(_drafts(fleet, wanted))
    fitting = [draft for draft in drafts if _fits(draft)]
    if not fitting:
        least = min(drafts, key=lambda draft: max(draft.build_memory_gib, draft.serve_memory_gib))
        raise BackendError(f"{_lacks(least)}; {'; or '.join(_remedies(fleet, wanted, least))}")
    kinds = preferred(wanted.n_documents // fleet.machines)
    return next((draft for draft in fitting if draft.wanted.kind in kinds), fitting[-1])


def latency_ms(n_documents: int, machines: int, kind: Kind | None) -> tuple[float, float]:
    """Expected p50 and p99 of a search that waits for every machine, each with its share of the documents.

    A machine's latency is taken as lognormal through its own p50 and p99; the slowest of m independent ones has its
    quantile q where one machine has q^(1/m) (Dean and Barroso, "The tail at scale", 2013).
    """
    figures, share = growth(), n_documents / machines
    curves = [(figures.bm25_p50_ms.of(share), figures.bm25_p99_ms.of(share))]
    if kind is not None:
        p50 = figures.compared_ms[kind] * n_compared(kind, max(1, round(share)))
        curves.append((p50, p50 * figures.dense_tail))
    normal = NormalDist()

    def slowest(quantile: float) -> float:
        deviations = normal.inv_cdf(quantile ** (1 / machines)) / normal.inv_cdf(0.99)
        # Both engines search side by side.
        slower = max(p50 * max(p99 / p50, 1.0) ** deviations for p50, p99 in curves)
        return float(slower + (figures.cluster_ms if machines > 1 else 0.0))

    return slowest(0.5), slowest(0.99)


def _drafts(fleet: Fleet, wanted: Wanted) -> Iterator[Plan]:
    """A plan for each kind of FAISS index that may be taken."""
    if wanted.encoder is None:
        yield _draft(fleet, replace(wanted, kind=None))
        return
    for kind in KINDS if wanted.kind is None else (wanted.kind,):
        yield _draft(fleet, replace(wanted, kind=kind))


def _draft(fleet: Fleet, wanted: Wanted) -> Plan:
    figures, n, kind = growth(), wanted.n_documents, wanted.kind
    share = -(-n // fleet.machines)
    hours = {"corpus": n * figures.corpus_core_s, "bm25": n * figures.words_core_s}
    words = n * figures.words_disk_mb * _MIB
    head, own = n * figures.corpus_disk_mb * _MIB + words, words / fleet.machines
    build, serve = figures.words_build_mb.of(n) * _MIB, figures.search_mb.of(share) * _MIB
    if kind is not None and wanted.encoder is not None:
        cost = estimate(share, wanted.dim, kind)  # one segment for each machine
        hours["encoding"] = n * figures.encode_core_s[wanted.encoder] / (fleet.machines * fleet.cores)
        hours["faiss"] = cost.build_seconds * fleet.machines / fleet.cores
        index = cost.disk_bytes - 2 * wanted.dim * share  # the store of vectors is the builder's
        head += n * figures.vectors_disk_mb * _MIB + index * fleet.machines
        own += index
        build, serve = max(build, cost.build_ram_bytes), serve + cost.query_ram_bytes
    p50, p99 = latency_ms(n, fleet.machines, kind)
    return Plan(
        fleet,
        wanted,
        _rounded(build / _GIB),
        _rounded(serve / _GIB),
        _rounded(head / _GIB),
        _rounded(own / _GIB),
        {name: _rounded(seconds / _HOUR) for name, seconds in hours.items()},
        _rounded(p50),
        _rounded(p99),
        _rounded(n / figures.largest_measured),
    )


def _fits(draft: Plan) -> bool:
    fleet = draft.fleet
    memory = max(draft.build_memory_gib, draft.serve_memory_gib)
    return memory <= _USABLE * fleet.memory_gib and (fleet.disk_gib == 0 or draft.head_disk_gib <= fleet.disk_gib)


def _lacks(draft: Plan) -> str:
    fleet, wanted = draft.fleet, draft.wanted
    told = [
        f"{_counted(fleet.machines)} of {fleet.memory_gib:g} GiB cannot hold {wanted.n_documents:,} documents"
        + (f" with FAISS {wanted.kind}" if wanted.kind else ""),
        f"building takes {draft.build_memory_gib:g} GiB of memory and serving {draft.serve_memory_gib:g} GiB on each, "
        f"of which {_USABLE * fleet.memory_gib:.3g} GiB are planned with",
    ]
    if fleet.disk_gib and draft.head_disk_gib > fleet.disk_gib:
        told.append(f"the machine that builds needs {draft.head_disk_gib:g} GiB of disk and has {fleet.disk_gib:g}")
    return ": ".join(told[:2]) + "".join(f"; {more}" for more in told[2:])


def _remedies(fleet: Fleet, wanted: Wanted, least: Plan) -> list[str]:
    """What would fit, the nearest first."""
    disk = max(fleet.disk_gib, math.ceil(least.head_disk_gib)) if fleet.disk_gib else 0.0
    with_disk = f" with {disk:g} GiB of disk on the one that builds" if disk > fleet.disk_gib else ""
    enough = replace(fleet, disk_gib=disk)
    found = []
    machines = fleet.machines
    while (machines := 2 * machines) <= _MOST_MACHINES:
        if any(_fits(draft) for draft in _drafts(replace(enough, machines=machines), wanted)):
            found.append(f"{_counted(machines)} of {fleet.memory_gib:g} GiB{with_disk}")
            break
    memory = math.ceil(max(least.build_memory_gib, least.serve_memory_gib, _USABLE * fleet.memory_gib) / _USABLE)
    found.append(f"{_counted(fleet.machines)} of {memory:g} GiB{with_disk}")
    if wanted.encoder is not None and _fits(next(_drafts(enough, replace(wanted, encoder=None)))):
        found.append(f"BM25 alone (--encoder none){with_disk} on what you have")
    found[0] = f"what would: {found[0]}"
    return found


def _counted(machines: int) -> str:
    return "1 machine" if machines == 1 else f"{machines} machines"


def _check(fleet: Fleet, wanted: Wanted) -> None:
    numbers = {
        "documents": wanted.n_documents,
        "machines": fleet.machines,
        "memory": fleet.memory_gib,
        "cores": fleet.cores,
        "dim": wanted.dim,
    }
    for name, value in numbers.items():
        if not value > 0 or not math.isfinite(value):
            raise UsageError(f"{name} is {value:g}; it must be above 0")
    if not fleet.disk_gib >= 0:
        raise UsageError(f"disk is {fleet.disk_gib:g}; give GiB, or 0 to leave it unchecked")


def _rounded(value: float) -> float:
    """Three digits that count: what is expected is not known better."""
    return float(f"{value:.3g}")
