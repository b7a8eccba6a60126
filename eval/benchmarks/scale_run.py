"""Runs commands under a memory limit of the operating system, and measures what they take.

The limit is RLIMIT_DATA, which Linux keeps for each process: writable private memory, so Java's and Python's objects,
but no files that are mapped for reading, which the system may drop at any time.
"""

import json
import os
import resource
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_EVERY_S = 0.25
_KILOBYTE, _MEGABYTE = 1024, 1 << 20


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command took, its children included.

    Attributes
    ----------
    seconds, processor_seconds
        By the clock, and of all processors together.
    peak_mb, peak_own_mb
        The most memory at one moment, MiB: shares of all pages (PSS), files that are mapped included; and without
        files (anonymous pages), which no system can drop.
    """

    seconds: float
    processor_seconds: float
    peak_mb: float
    peak_own_mb: float


def run(command: Sequence[str], environment: Mapping[str, str], limit_bytes: int) -> tuple[Usage, str]:
    """Run a command that must succeed: what it took, and its standard output.

    Raises
    ------
    SystemExit
        It failed; what it said is told.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes)),  # noqa: PLW1509
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with Watch(process.pid) as watch:
        out, errors = process.communicate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {errors[-2000:]}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Usage(time.perf_counter() - began, spent, watch.peak_mb, watch.peak_own_mb), out


class Watch:
    """Looks at the memory of a process and its children four times a second."""

    def __init__(self, process_id: int) -> None:
        self.peak_mb = self.peak_own_mb = 0.0
        self._process = psutil.Process(process_id)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(_EVERY_S):
            try:
                tree = [self._process, *self._process.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            shares = [memory_of(one.pid) for one in tree]
            self.peak_mb = max(self.peak_mb, sum(whole for whole, _ in shares))
            self.peak_own_mb = max(self.peak_own_mb, sum(own for _, own in shares))


def memory_of(process_id: int) -> tuple[float, float]:
    """Proportional share of all pages and of anonymous ones, MiB; zeros for a process that is gone."""
    try:
        lines = Path(f"/proc/{process_id}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return 0.0, 0.0
    values = {line.split(":")[0]: int(line.split()[1]) / _KILOBYTE for line in lines}
    return values.get("Pss", 0.0), values.get("Pss_Anon", 0.0)


class Results:
    """A JSON file of figures that is whole after every step: size → step → name → value."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.figures: dict[str, dict[str, dict[str, float]]] = {}
        if path.is_file():
            self.figures = json.loads(path.read_text(encoding="utf-8"))

    def step(self, size: int, name: str, measured: Callable[[], dict[str, float]]) -> dict[str, float]:
        """The figures of a step: kept, or measured and written down now."""
        of_size = self.figures.setdefault(str(size), {})
        if name not in of_size:
            of_size[name] = measured()
            told = ", ".join(f"{key} {value:,.2f}" for key, value in of_size[name].items())
            print(f"{size:>10,} {name:<16} {told}", flush=True)
            part = self._path.with_suffix(".part")
            part.write_text(json.dumps(self.figures, indent=1), encoding="utf-8")
            part.replace(self._path)
        return of_size[name]


def disk_mb(*paths: Path) -> float:
    """Megabytes of the files in some folders; those linked twice count once."""
    files = {file.stat().st_ino: file.stat().st_size for path in paths for file in path.rglob("*") if file.is_file()}
    return sum(files.values()) / _MEGABYTE
