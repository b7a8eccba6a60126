"""A run on disk: ``manifest.json`` (what was asked for), ``questions.jsonl`` (one line a question, appended and
flushed), ``metrics.json`` (the figures, the same bytes on every machine run alike) and ``timings.json``.

A process that dies leaves whole lines and at most one torn one; opening the run again cuts that off and goes on
with the questions that have no line yet.
"""

import itertools
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import msgspec

from ragqa.errors import ProductError, UsageError
from ragqa.evaluate.runs.lines import QUESTIONS_FILE, QuestionLine, forget_failed, question_ids, read_lines, repair
from ragqa.evaluate.runs.lock import locked
from ragqa.manifest import Machine, read_json, write_json

_log = logging.getLogger(__name__)
MANIFEST_FILE, METRICS_FILE, TIMINGS_FILE = "manifest.json", "metrics.json", "timings.json"
MEMBERS_FILE = "sets.json"
_LOCK_FILE = ".lock"
_REMEDY = "delete the folder and run the same command again"
_N_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Session:
    """One stretch of work on a run.

    ``began`` is in UTC, or tells that the stretch ended in a kill and its times were read off its lines. ``n_before``
    questions were there already, ``n_done`` were added in ``seconds``, of which ``stages`` took their part. What is
    left is the harness. In an ablation, a stage that was shared counts in each run that used it. ``load`` is the mean
    of the machine's load (processes that want a core, over the last minute) at the end of each batch.
    """

    began: str
    n_before: int
    n_done: int = 0
    seconds: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    load: float | None = None


@dataclass(frozen=True, slots=True)
class RunManifest:
    """What a run was asked for and made with.

    Attributes
    ----------
    id
        Name of the run.
    system
        What tables call the pipeline: the index or recipe and its overrides, or the cell of an ablation.
    task
        Name, data, setting, split and whatever else the task was given.
    recipe
        The pipeline's settings in full, as resolved.
    prompts
        Prompt → hash of its text; empty where the reader has none.
    inputs
        Hashes: ``questions`` (ids, texts and gold), ``corpus_state``, ``index`` (its files); names: ``corpus``,
        ``index_name``.
    n_questions, n_hits
        Size of the question set; how many hits of each question are kept.
    batch
        Questions that are retrieved, reranked and read together; 1 makes the timings latencies.
    scoring
        How the lines are scored, as far as the task leaves it open: ``entailment``, the model that judges citations.
        The lines do not depend on it, so that a run may be scored again with another.
    seeds
        What draws at random, and its seed.
    packages, machine, revision, created
        As in :class:`ragqa.manifest.Manifest`.
    wall_seconds
        Seconds of each stage, summed over all sessions.
    sessions
        The stretches of work, in order.
    """

    id: str
    system: str
    task: dict[str, Any]
    recipe: dict[str, Any]
    inputs: dict[str, str]
    n_questions: int
    n_hits: int
    batch: int
    prompts: dict[str, str] = field(default_factory=dict)
    scoring: dict[str, str] = field(default_factory=dict)
    seeds: dict[str, int] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    machine: Machine | None = None
    revision: str = ""
    created: str = ""
    wall_seconds: dict[str, float] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)
    kind: str = "run"


class RunFolder:
    """A run that is being worked on. One process at a time may hold it; use it as a context manager."""

    def __init__(self, path: Path, manifest: RunManifest, lock: BinaryIO, lines: BinaryIO, done: set[str]) -> None:
        self.path = path
        self.manifest = manifest
        self.done = done
        self.n_before = len(done)
        self._lock = lock
        self._lines = lines
        self._encoder = msgspec.json.Encoder()

    @classmethod
    def open(cls, path: Path, manifest: RunManifest, *, retry_failed: bool = False) -> Self:
        """Begin the run that ``manifest`` describes, or go on with it.

        Parameters
        ----------
        retry_failed
            Forget the questions that ended in an error, so that they are asked again.

        Raises
        ------
        UsageError
            The folder holds a run of something else (the message says what changed), or another process is at it.
        ProductError
            The folder holds something that is no run, or its lines are damaged.
        """
        lock = locked(path, path / _LOCK_FILE, "working on", "give another folder with --out")
        try:
            if (path / MANIFEST_FILE).exists():
                manifest = _continued(path, read_manifest(path), manifest)
            else:
                _refuse_foreign(path)
                write_json(path / MANIFEST_FILE, manifest)
            repair(path)
            manifest = _with_lost_times(path, manifest)
            if retry_failed:
                forget_failed(path)
            done = question_ids(path)
            lines = (path / QUESTIONS_FILE).open("ab", buffering=0)
        except BaseException:
            lock.close()
            raise
        return cls(path, manifest, lock, lines, done)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def append(self, line: QuestionLine) -> None:
        """Write the line of a finished question; it is with the operating system when this returns."""
        if line.id in self.done:
            raise ProductError(f"the question {line.id!r} is in {self.path / QUESTIONS_FILE} already")
        self._lines.write(self._encoder.encode(line) + b"\n")
        self.done.add(line.id)

    def save(self, session: Session) -> None:
        """Make the lines durable and write the times of the session under way into the manifest."""
        os.fsync(self._lines.fileno())
        if session.n_done == 0:
            return
        self.manifest = _with_session(self.manifest, session)
        write_json(self.path / MANIFEST_FILE, self.manifest)

    def close(self) -> None:
        """Close the files and let other processes at the run."""
        self._lines.close()
        self._lock.close()


def _with_session(manifest: RunManifest, session: Session) -> RunManifest:
    """The manifest with a new session, or one that has gone on."""
    sessions = [*(old for old in manifest.sessions if old.began != session.began), session]
    wall: dict[str, float] = {}
    for one in sessions:
        for stage, seconds in one.stages.items():
            wall[stage] = wall.get(stage, 0.0) + seconds
    rounded = {stage: round(seconds, 3) for stage, seconds in sorted(wall.items())}
    return replace(manifest, wall_seconds=rounded, sessions=sessions)


def _with_lost_times(path: Path, manifest: RunManifest) -> RunManifest:
    """The manifest with the times of lines that no session counts, since the process was killed before it could.

    The lines tell them, stage by stage; the harness's own share is lost.
    """
    last = manifest.sessions[-1] if manifest.sessions else None
    n_counted = last.n_before + last.n_done if last else 0
    spent: dict[str, float] = {}
    n_lost = 0
    for line in itertools.islice(read_lines(path), n_counted, None):
        n_lost += 1
        for stage, milliseconds in line.timings_ms.items():
            spent[stage] = spent.get(stage, 0.0) + milliseconds / 1000
    if not n_lost:
        return manifest
    stages = {stage: round(seconds, 3) for stage, seconds in sorted(spent.items())}
    lost = Session(f"killed after {n_counted} lines", n_counted, n_lost, round(sum(spent.values()), 3), stages)
    manifest = _with_session(manifest, lost)
    write_json(path / MANIFEST_FILE, manifest)
    return manifest


def read_manifest(path: Path) -> RunManifest:
    """The manifest of the run in ``path``.

    Raises
    ------
    ProductError
        There is none, or it is damaged.
    """
    manifest = read_json(path / MANIFEST_FILE, RunManifest, f"{path} is not a run, or it is damaged; {_REMEDY}")
    if manifest.kind != "run":
        raise ProductError(f"{path} is a product of kind {manifest.kind!r}, not a run")
    return manifest


def write_members(path: Path, members: Sequence[str], manifest: RunManifest) -> None:
    """Make ``path`` the folder of several runs whose mean is the figure: its manifest, and the runs by folder."""
    write_json(path / MEMBERS_FILE, list(members))
    write_json(path / MANIFEST_FILE, manifest)


def read_members(path: Path) -> list[str]:
    """The runs in the folder of several; empty for a single run."""
    return read_json(path / MEMBERS_FILE, list[str], _REMEDY) if (path / MEMBERS_FILE).exists() else []


def refuse_changed(path: Path, manifest: RunManifest) -> None:
    """Refuse a folder that holds a run of something else, as far as ``manifest`` knows its inputs yet.

    Raises
    ------
    UsageError
        It does; the message says what changed.
    """
    if (path / MANIFEST_FILE).exists():
        before = read_manifest(path)
        known = {name: value for name, value in before.inputs.items() if name in manifest.inputs}
        _refuse(path, changes(replace(before, inputs=known), manifest))


def changes(before: RunManifest, after: RunManifest) -> list[str]:
    """What differs between two runs in a way that makes their questions' lines incomparable, as short phrases."""
    names = ("task", "recipe", "prompts", "inputs", "n_questions", "n_hits", "batch")
    old, new = ({name: getattr(run, name) for name in names} for run in (before, after))
    was, now = _flat(old), _flat(new)
    return [
        f"{key} was {_short(was.get(key))}, now {_short(now.get(key))}"
        for key in sorted(was.keys() | now.keys())
        if was.get(key) != now.get(key)
    ]


def _continued(path: Path, before: RunManifest, now: RunManifest) -> RunManifest:
    _refuse(path, changes(before, now))
    if before.scoring != now.scoring:
        before = replace(before, scoring=now.scoring)
        write_json(path / MANIFEST_FILE, before)
    if (path / METRICS_FILE).exists():
        return before
    for name in ("packages", "revision"):
        old, new = getattr(before, name), getattr(now, name)
        if old != new:
            _log.warning(
                "going on with %s although %s changed since it began: %s → %s", path, name, *_differing(old, new)
            )
    return before


def _refuse(path: Path, changed: Sequence[str]) -> None:
    if changed:
        more = f" and {len(changed) - _N_SHOWN} more" if len(changed) > _N_SHOWN else ""
        raise UsageError(
            f"{path} holds a run of something else: {'; '.join(changed[:_N_SHOWN])}{more}; "
            "give another folder with --out, or delete this one"
        )


def _differing(old: Any, new: Any) -> tuple[Any, Any]:
    if isinstance(old, dict):
        keys = [key for key in old.keys() | new.keys() if old.get(key) != new.get(key)]
        return {key: old.get(key) for key in sorted(keys)}, {key: new.get(key) for key in sorted(keys)}
    return old or "none", new or "none"


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {prefix: value if not isinstance(value, tuple) else list(value)}
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat |= _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    return flat


def _short(value: Any) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _refuse_foreign(path: Path) -> None:
    foreign = sorted(entry.name for entry in path.iterdir() if entry.name != _LOCK_FILE)
    if foreign:
        raise UsageError(f"{path} holds {foreign[0]!r} and no run; give an empty or new folder with --out")
