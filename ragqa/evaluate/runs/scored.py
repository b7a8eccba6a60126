"""``scores.parquet``: the one truth about how well a run did, bound by hash to the lines that it was scored from.

A row is a question under a measure: its value and its features, so that figures, intervals and tests follow from the
table alone. The file's metadata has the hashes of the lines, the task and the manifest, who scored (revision,
versions), and everything that ``metrics.json`` and ``timings.json`` show to people. Nothing else is read back:
comparison and report take what is here, after it was checked against the folder.
"""

import hashlib
import io
import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ragqa.errors import ProductError
from ragqa.evaluate.measures.entailment import DEFAULT, EntailmentModel, entailment_model
from ragqa.evaluate.measures.measure import Measure, Scores, first
from ragqa.evaluate.measures.registry import declared
from ragqa.evaluate.runs.figures import Metrics, StageTiming, stage_timings, summarise
from ragqa.evaluate.runs.folder import MANIFEST_FILE, METRICS_FILE, TIMINGS_FILE, RunManifest, read_manifest
from ragqa.evaluate.runs.lines import QUESTIONS_FILE, question_ids, read_lines
from ragqa.evaluate.runs.notes import with_reader_notes
from ragqa.evaluate.runs.scoring import score_run
from ragqa.evaluate.runs.task import TASK_FILE, RunTask, read_task
from ragqa.evaluate.tasks.task import question_set_hash
from ragqa.manifest import content_hash, file_hash, here_and_now, json_bytes, write_atomically, write_json

_log = logging.getLogger(__name__)
SCORES_FILE = "scores.parquet"
_KEY = b"ragqa"
_PROGRAMS = ("pytrec_eval-terrier", "ir_measures", "scipy", "ragqa")
_AGAIN = "run the same command again"


@dataclass(frozen=True, slots=True)
class Origin:
    """What a run was scored from: hashes of its lines, task and manifest, and the number of lines."""

    lines: str
    n_lines: int
    task: str
    manifest: str


@dataclass(frozen=True, slots=True)
class Scored:
    """A run's figures, and every measure question by question.

    ``scorer`` has the revision of ragqa and the versions of the programs that computed the measures.
    """

    origin: Origin
    metrics: Metrics
    timings: dict[str, StageTiming]
    scores: Scores
    scorer: dict[str, str] = field(default_factory=dict)


def score_folder(path: Path) -> Scored:
    """Score a run from its lines, and write ``scores.parquet``, ``metrics.json`` and ``timings.json``.

    Raises
    ------
    ProductError
        Questions have no line, or lines no question; the lines or the task are damaged or are those of another run.
    """
    manifest, task = read_manifest(path), read_task(path)
    origin, model = _origin(path, manifest, task), _entailment(manifest)
    scores = with_reader_notes(score_run(task, read_lines(path), model), task.task, manifest.recipe)
    metrics = summarise(manifest.task, scores)
    timings = stage_timings([line.timings_ms for line in read_lines(path) if not line.error])
    scored = Scored(origin, metrics, timings, scores, _scorer(model))
    _write(path, scored)
    return scored


def read_scored(path: Path) -> Scored:
    """The figures of a run: those that were written, or scored anew where they do not fit the run's other files.

    Raises
    ------
    ProductError
        As :func:`score_folder`; or the task or the manifest was changed after the run was scored.
    """
    manifest, task = read_manifest(path), read_task(path)
    origin = _origin(path, manifest, task)
    scored = _read(path / SCORES_FILE)
    if scored is None:
        return _anew(path, f"{SCORES_FILE} is missing or damaged")
    for name, file_name in (("task", TASK_FILE), ("manifest", MANIFEST_FILE)):
        if getattr(scored.origin, name) != getattr(origin, name):
            raise ProductError(f"{path / file_name} was changed after the run was scored; restore it, or {_AGAIN}")
    if scored.origin != origin:
        return _anew(path, f"{QUESTIONS_FILE} was changed")
    if scored.scorer != _scorer(_entailment(manifest)):
        return _anew(path, "it was scored by another version")
    shown = {METRICS_FILE: scored.metrics, TIMINGS_FILE: scored.timings}
    if not all(_is_shown(path / name, value) for name, value in shown.items()):
        return _anew(path, f"{METRICS_FILE} or {TIMINGS_FILE} was changed")
    return scored


def _anew(path: Path, why: str) -> Scored:
    _log.warning("%s: %s; all of it is scored anew", path, why)
    return score_folder(path)


def _origin(path: Path, manifest: RunManifest, task: RunTask) -> Origin:
    """What the run would be scored from now, once it is whole."""
    if question_set_hash(task.task) != manifest.inputs.get("questions"):
        raise ProductError(f"{path / TASK_FILE} holds the questions of another run; restore it, or {_AGAIN}")
    wanted, there = {question.id for question in task.task.questions}, question_ids(path)
    if wanted - there:
        raise ProductError(
            f"the run {path} is not finished: {len(wanted - there)} of {len(wanted)} questions have no line, "
            f"for example {min(wanted - there)!r}; {_AGAIN} to go on with it"
        )
    if there - wanted:
        raise ProductError(
            f"{path / QUESTIONS_FILE} has {len(there - wanted)} lines of questions that the task lacks, for example "
            f"{min(there - wanted)!r}; restore it, or delete the folder and {_AGAIN}"
        )
    return Origin(file_hash(path / QUESTIONS_FILE), len(there), content_hash(task), content_hash(manifest))


def _entailment(manifest: RunManifest) -> EntailmentModel:
    return entailment_model(manifest.scoring.get("entailment", DEFAULT))


def _scorer(model: EntailmentModel) -> dict[str, str]:
    here = here_and_now()
    versions = {name: here["packages"].get(name, "") for name in _PROGRAMS}
    return {"revision": here["revision"], "entailment": model.name, **versions}


def _is_shown(path: Path, value: object) -> bool:
    try:
        return path.read_bytes() == json_bytes(value)
    except OSError:
        return False


def _write(path: Path, scored: Scored) -> None:
    table = _table(scored.scores)
    told = {
        "origin": scored.origin,
        "metrics": scored.metrics,
        "timings": scored.timings,
        "scorer": scored.scorer,
        "unscored": [name for name, measure in scored.scores.measures.items() if not measure.question_ids],
    }
    encoded = msgspec.json.encode(told, order="deterministic")
    sealed = msgspec.json.encode({"seal": _seal(table, encoded), "told": msgspec.Raw(encoded)})
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({_KEY: sealed}), buffer, compression="zstd", write_page_checksum=True)
    try:
        write_atomically(path / SCORES_FILE, buffer.getvalue())
        write_json(path / METRICS_FILE, scored.metrics)
        write_json(path / TIMINGS_FILE, scored.timings)
    except OSError as error:
        raise ProductError(
            f"{path} must be scored, but cannot be written to ({error.strerror}); copy the folder to a place that can"
        ) from error


class _Told(msgspec.Struct):
    origin: Origin
    metrics: Metrics
    timings: dict[str, StageTiming]
    scorer: dict[str, str]
    unscored: list[str]


class _Sealed(msgspec.Struct):
    seal: str
    told: msgspec.Raw


def _read(path: Path) -> Scored | None:
    """What ``scores.parquet`` holds; None where it is missing, damaged or of another version."""
    try:
        table = pq.read_table(path, page_checksum_verification=True)
        sealed = msgspec.json.decode(table.schema.metadata[_KEY], type=_Sealed)
        if sealed.seal != _seal(table, bytes(sealed.told)):
            return None
        told = msgspec.json.decode(sealed.told, type=_Told)
    except (OSError, pa.ArrowException, msgspec.MsgspecError, KeyError, TypeError, ValueError):
        return None
    measures = {**_measures(table), **{name: _empty(name) for name in told.unscored}}
    metrics = _in_order(told.metrics, list(measures))
    scores = Scores(measures, metrics.counts, tuple(metrics.notes))
    return Scored(told.origin, metrics, told.timings, scores, told.scorer)


def _in_order(metrics: Metrics, names: Sequence[str]) -> Metrics:
    """The metrics in the order of the table, which is that of the task; as JSON they are sorted by name."""
    there = [name for name in names if name in metrics.metrics]
    return replace(
        metrics,
        metrics={name: metrics.metrics[name] for name in there},
        intervals={name: metrics.intervals[name] for name in there},
        n={name: metrics.n[name] for name in there},
    )


def _table(scores: Scores) -> pa.Table:
    measures = scores.measures
    sizes = [len(measure.question_ids) for measure in measures.values()]
    columns: dict[str, Any] = {
        "measure": pa.array(np.repeat(list(measures), sizes).tolist(), pa.string()).dictionary_encode(),
        "question": pa.array([q for measure in measures.values() for q in measure.question_ids], pa.string()),
        "value": pa.array(np.concatenate([np.empty(0), *(measure.values for measure in measures.values())])),
        "features": pa.array([row for m in measures.values() for row in m.features], pa.list_(pa.float64())),
    }
    return pa.table(columns)


def _measures(table: pa.Table) -> dict[str, Measure]:
    columns: dict[str, list[Any]] = {name: table[name].to_pylist() for name in table.column_names}
    found: dict[str, Measure] = {}
    begin = 0
    for name, rows in itertools.groupby(columns["measure"]):
        part = slice(begin, begin + sum(1 for _ in rows))
        values, features = np.array(columns["value"][part]), np.array(columns["features"][part])
        combine = declared(name).combine
        found[name] = Measure(name, tuple(columns["question"][part]), values, features, combine, combine is first)
        begin = part.stop
    return found


def _empty(name: str) -> Measure:
    return Measure(name, (), np.empty(0), np.empty((0, 1)), declared(name).combine)


def _seal(table: pa.Table, told: bytes) -> str:
    """One hash of everything in the file that means something."""
    digest = hashlib.sha256(told)
    for name in ("measure", "question"):
        digest.update(msgspec.json.encode(table[name].to_pylist()))
    digest.update(np.ascontiguousarray(table["value"].to_numpy()).tobytes())
    digest.update(msgspec.json.encode(table["features"].to_pylist()))
    return digest.hexdigest()
