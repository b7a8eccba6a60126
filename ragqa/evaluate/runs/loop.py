"""The loop of a run: questions in batches through the stages, one line appended for each, in one or several runs."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import fmean
from typing import cast

import numpy as np
import psutil

from ragqa.errors import BackendError, RagqaError
from ragqa.evaluate.runs.folder import RunFolder, Session
from ragqa.evaluate.runs.lines import QuestionLine, RunHits
from ragqa.evaluate.runs.reading import Found, Item, Reading, finished
from ragqa.evaluate.runs.running import RunningScore
from ragqa.evaluate.runs.stages import Pipeline, Stages
from ragqa.retrieve.fuse import Candidates


@dataclass(frozen=True, slots=True)
class Work:
    """What the loop does with each question.

    Attributes
    ----------
    items
        The questions, in order.
    n_hits
        Hits that are kept of each.
    read
        Whether the reader is asked.
    batch
        Questions that go through the stages together.
    drop_own_id
        Drop a hit whose id is the question's own.
    """

    items: Sequence[Item]
    n_hits: int
    read: bool
    batch: int
    drop_own_id: bool = False


RunProgress = Callable[[str, int, int], None]
"""Called as ``progress(text, done, total)``; the text tells the running score by its name, and the failures."""

_GIVE_UP = 10
"""So many questions that fail for lack of something, if they are more than those that succeed, end the loop."""

_SAVE_EVERY_S = 10.0


def work_through(
    work: Work,
    stages: Stages,
    folders: Sequence[RunFolder],
    progress: RunProgress | None = None,
    running_score: RunningScore | None = None,
) -> None:
    """Do what is left of every run: ``folders[i]`` gets the lines of ``stages.pipelines[i]``.

    A question that fails gets a line with its error. Lines that fail for lack of something that the machine or an
    endpoint should have (:class:`BackendError`) are held back until the end; where ten fail so, and more than
    succeed, the loop ends instead, and they are asked again next time: nothing is gained by failing all the others.

    Raises
    ------
    BackendError
        See above; the same call goes on where it ended.
    """
    report = _Report(work, folders, progress, running_score)
    cells = [
        _Cell(work, stages, pipeline, folder, report)
        for pipeline, folder in zip(stages.pipelines, folders, strict=True)
    ]
    try:
        for begin in range(0, len(work.items), work.batch):
            stages.next_batch()
            for cell in cells:
                cell.do(work.items[begin : begin + work.batch])
        for cell in cells:
            cell.write_held()
    finally:
        for cell in cells:
            cell.save()


class _Report:
    """Tells the progress; the running score is the mean over the questions of this session."""

    def __init__(
        self, work: Work, folders: Sequence[RunFolder], progress: RunProgress | None, score: RunningScore | None
    ) -> None:
        self._total = len(work.items) * len(folders)
        self._done = sum(len(folder.done) for folder in folders)
        self._progress, self._score = progress, score
        self._sum, self._n, self._failed, self._told = 0.0, 0, 0, 0.0

    def add(self, line: QuestionLine) -> None:
        """Count a finished question."""
        self._done += 1
        self._failed += bool(line.error)
        if self._progress is None:
            return
        value = self._score.value(line) if self._score else None
        if value is not None:
            self._sum, self._n = self._sum + value, self._n + 1
        now = time.perf_counter()
        # Drawing costs more than a short question: ten times a second is enough for an eye.
        if now - self._told >= 0.1 or self._done == self._total:
            self._told = now
            score = f", {self._score.name} {self._sum / self._n:.3f}" if self._score and self._n else ""
            failed = f", {self._failed} failed" if self._failed else ""
            self._progress(f"questions{score}{failed}", self._done, self._total)


class _Cell:
    """One run under way: its pipeline, its folder, and its clock."""

    def __init__(self, work: Work, stages: Stages, pipeline: Pipeline, folder: RunFolder, report: _Report) -> None:
        self._work, self._stages, self._pipeline = work, stages, pipeline
        self._folder, self._report = folder, report
        self._session = Session(datetime.now(UTC).isoformat(timespec="milliseconds"), len(folder.done))
        self._seconds: dict[str, float] = defaultdict(float)
        self._total = 0.0
        self._loads: list[float] = []
        self._saved = time.perf_counter()
        self._held: list[QuestionLine] = []

    def do(self, batch: Sequence[Item]) -> None:
        """Do what is left of a batch."""
        left = [item for item in batch if item.question.id not in self._folder.done]
        if not left:
            return
        began = time.perf_counter()
        try:
            for line, error in _lines(left, self._work, self._stages, self._pipeline, self._seconds):
                self._take(line, error)
        finally:
            self._total += time.perf_counter() - began
            self._loads.append(psutil.getloadavg()[0])
        if time.perf_counter() - self._saved > _SAVE_EVERY_S:
            self.save()

    def write_held(self) -> None:
        """Write the lines that were held back."""
        for line in self._held:
            self._folder.append(line)
            self._report.add(line)
        self._held = []

    def save(self) -> None:
        """Write the times into the manifest."""
        self._saved = time.perf_counter()
        stages = {stage: round(seconds, 3) for stage, seconds in sorted(self._seconds.items())}
        n_done = len(self._folder.done) - self._session.n_before
        load = round(fmean(self._loads), 2) if self._loads else None
        self._folder.save(
            replace(self._session, n_done=n_done, seconds=round(self._total, 3), stages=stages, load=load)
        )

    def _take(self, line: QuestionLine, error: RagqaError | None) -> None:
        if isinstance(error, BackendError):
            self._held.append(line)
            if len(self._held) >= _GIVE_UP and len(self._held) > len(self._folder.done) - self._session.n_before:
                raise BackendError(
                    f"{len(self._held)} questions failed, the last: {error}; mend that and run the same command "
                    "again: they are asked again, what is finished is kept"
                ) from error
            return
        self._folder.append(line)
        self._report.add(line)


def _lines(
    items: Sequence[Item], work: Work, stages: Stages, pipeline: Pipeline, seconds: dict[str, float]
) -> Iterator[tuple[QuestionLine, RagqaError | None]]:
    """The finished lines of a batch in order, each with what went wrong; ``seconds`` gets the time of each stage."""
    searched = [item for item in items if item.query]
    errors: dict[str, RagqaError] = {}
    found = _retrieved(searched, _n_retrieved(work, pipeline), stages, pipeline, errors)
    if found is not None:
        for stage, milliseconds in found.timings_ms.items():
            seconds[stage] += milliseconds * len(found.items) / 1000
    hits: Mapping[str, RunHits] = {}
    if found is not None:
        began = time.perf_counter()
        hits = _hits_of_batch(found, work, stages)
        seconds["lookup"] += time.perf_counter() - began
    blank = [_blank_line(item, found, hits) for item in items]
    if not work.read:
        for line in blank:
            yield finished(line, errors.get(line.id))
        return
    reading = Reading(stages, pipeline, found, errors)
    yield from reading.all(items, blank, seconds)


def _n_retrieved(work: Work, pipeline: Pipeline) -> int:
    """Hits to ask for: what is kept, but never more than the recipe's depth, which is a setting under test."""
    settings = pipeline.engine.recipe
    wanted = min(work.n_hits + work.drop_own_id, settings.retrieve.depth)
    return max(wanted, settings.answer.n_documents) if work.read else wanted


def _blank_line(item: Item, found: "Found | None", hits: Mapping[str, RunHits]) -> QuestionLine:
    question_id = item.question.id
    was_searched = found is not None and question_id in hits
    timings = dict(found.timings_ms) if found is not None and was_searched else {}
    return QuestionLine(
        question_id, item.question.text, item.query, hits.get(question_id, RunHits()), timings_ms=timings
    )


def _retrieved(
    items: Sequence[Item], k: int, stages: Stages, pipeline: Pipeline, errors: dict[str, RagqaError]
) -> Found | None:
    """Candidates of a batch in their final order; a question that cannot be searched for is told in ``errors``."""
    if not items:
        return None
    try:
        questions = pipeline.engine.all_as_read([item.query for item in items])
        ordered = stages.rerank(pipeline, questions, k, stages.retrieve(pipeline, questions, k))
    except RagqaError as error:
        if isinstance(error, BackendError):
            raise
        if len(items) == 1:
            errors[items[0].question.id] = error
            return None
        return _joined([_retrieved([item], k, stages, pipeline, errors) for item in items])
    share = {stage: value / len(items) for stage, value in ordered.timings_ms.items()}
    return Found(items, cast("Candidates", ordered.value), share)


def _joined(parts: Sequence[Found | None]) -> Found | None:
    """Batches of one as a batch again."""
    found = [part for part in parts if part is not None]
    if not found:
        return None
    width = max(part.candidates.rows.shape[1] for part in found)
    stages = sorted({stage for part in found for stage in part.candidates.stages})

    def stacked(arrays: Sequence[np.ndarray], fill: float) -> np.ndarray:
        padded = [np.pad(array, ((0, 0), (0, width - array.shape[1])), constant_values=fill) for array in arrays]
        return np.concatenate(padded)

    def stage(part: Found, name: str) -> np.ndarray:
        empty = np.full(part.candidates.scores.shape, np.nan, dtype=np.float32)
        return part.candidates.stages.get(name, empty)

    candidates = Candidates(
        stacked([part.candidates.rows for part in found], -1),
        stacked([part.candidates.scores for part in found], -np.inf),
        {name: stacked([stage(part, name) for part in found], np.nan) for name in stages},
    )
    timings: dict[str, float] = {}
    for part in found:
        for name, value in part.timings_ms.items():
            timings[name] = timings.get(name, 0.0) + value / len(found)
    return Found([item for part in found for item in part.items], candidates, timings)


def _hits_of_batch(found: Found, work: Work, stages: Stages) -> dict[str, RunHits]:
    """The hits that are kept of each question, ids looked up for the whole batch at once."""
    k = work.n_hits + work.drop_own_id
    rows = found.candidates.rows[:, :k]
    there = rows >= 0
    ids = stages.store.ids(rows[there])
    scores: list[list[float]] = found.candidates.scores[:, :k].tolist()
    stage_scores = {name: _without_nan(values[:, :k]) for name, values in found.candidates.stages.items()}
    n_hits: list[int] = there.sum(axis=1).tolist()
    hits, begin = {}, 0
    for place, (item, n) in enumerate(zip(found.items, n_hits, strict=True)):
        kept = RunHits(
            ids[begin : begin + n],
            scores[place][:n],
            {name: values[place][:n] for name, values in stage_scores.items()},
        )
        begin += n
        hits[item.question.id] = _without(kept, item.question.id, work.n_hits) if work.drop_own_id else kept
    return hits


def _without_nan(values: np.ndarray) -> list[list[float | None]]:
    """Scores, float32 [n_queries, k], as lists, with None where a stage did not find a document."""
    scores: list[list[float | None]] = values.tolist()
    for query, place in np.argwhere(np.isnan(values)).tolist():
        scores[query][place] = None
    return scores


def _without(hits: RunHits, document_id: str, n_hits: int) -> RunHits:
    """The first hits, without a document."""
    own = hits.document_ids.index(document_id) if document_id in hits.document_ids else n_hits
    kept, rest = slice(0, min(own, n_hits)), slice(own + 1, n_hits + 1)
    return RunHits(
        hits.document_ids[kept] + hits.document_ids[rest],
        hits.scores[kept] + hits.scores[rest],
        {name: values[kept] + values[rest] for name, values in hits.stages.items()},
    )
