"""The tables of a report as plain cells, which become HTML or Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragqa.evaluate.measures.registry import declared
from ragqa.evaluate.report.model import Section, SystemRow
from ragqa.evaluate.stats.intervals import Interval


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text, a smaller second line, letters above, and how it is marked (``best``, ``bad``, ``left``,
    ``long`` or "").
    """

    text: str
    below: str = ""
    above: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its headers and what stands under it."""

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""

    def is_left(self, place: int) -> bool:
        """Whether a column has texts, which begin at the left, not numbers."""
        return all(row[place].mark in ("left", "long") for row in self.rows)


def tables_of(section: Section) -> list[Table]:
    """The tables of a section, those without rows left out."""
    found = [results(section), tests(section), published(section), tuned(section), failures(section)]
    return [table for table in found if table.rows]


def results(section: Section) -> Table:
    """Systems with their figures, times, and what failed."""
    best = {name: _best([row.figures[name] for row in section.rows], name) for name in section.columns}
    headers = (
        "",
        "system",
        *section.columns,
        *_time_headers(section),
        "n",
        "missing",
        "failed",
        "unparsed",
        "abstained",
    )
    rows = []
    for row in section.rows:
        figures = [
            Cell(
                f"{row.figures[name].value:.4f}",
                f"{row.figures[name].low:.4f} – {row.figures[name].high:.4f}",
                row.better_than if name == section.primary else "",
                "best" if len(section.rows) > 1 and row.figures[name].value == best[name] else "",
            )
            for name in section.columns
        ]
        n_questions = row.figures[section.primary].n_questions if section.primary else row.run.manifest.n_questions
        counts = [
            _count(row.counts, name, bad=name in ("n_failed", "n_missing", "n_unparsed"))
            for name in ("n_missing", "n_failed", "n_unparsed", "n_abstained")
        ]
        name = Cell(row.name, f"chosen: {row.chosen}" if row.chosen else "", mark="left")
        rows.append((Cell(row.letter), name, *figures, *_times(section, row), Cell(f"{n_questions:,}"), *counts))
    return Table("Results", headers, tuple(rows), section.caption)


def tests(section: Section) -> Table:
    """Every pair of systems."""
    rows = []
    for test in section.tests:
        one = test.comparison
        effect = "–" if one.effect_size is None else signed(one.effect_size, 2)
        bounds = f"{signed(one.difference.low)} – {signed(one.difference.high)}"
        difference = Cell(signed(one.difference.value), bounds)
        rows.append(
            (
                Cell(test.a, mark="left"),
                Cell(test.b, mark="left"),
                difference,
                Cell(p_value(one.p_value)),
                Cell(p_value(test.p_holm), mark="best" if test.p_holm < 0.05 else ""),
                Cell(effect),
                Cell(f"{one.wins} / {one.ties} / {one.losses}"),
            )
        )
    headers = ("A", "B", f"A − B, {section.primary}", "p", "p, Holm", "effect d_z", "A wins / ties / losses")
    names = ", ".join(dict.fromkeys(test.comparison.test for test in section.tests))
    return Table("Comparisons", headers, tuple(rows), f"Test: {names}, two-sided; bold: adjusted p < .05")


def published(section: Section) -> Table:
    """Our figures and published ones in a column of their own, with what they rest on."""
    measures = list(dict.fromkeys(figure.measure for figure in section.published))
    rows = []
    for measure in measures:
        for row in section.rows:
            if measure in row.figures:
                here = Cell(f"{row.figures[measure].value:.4f}")
                rows.append((Cell(row.name, mark="left"), Cell(measure), here, Cell("–"), *_own_ground(row)))
        for figure in section.published:
            if figure.measure != measure:
                continue
            size = f"{figure.corpus_size:,}" if figure.corpus_size else "–"
            setting = "; ".join(filter(None, (figure.setting, figure.part)))
            rows.append(
                (
                    Cell(figure.system, mark="left"),
                    Cell(measure),
                    Cell("–"),
                    Cell(f"{figure.value:.4f}"),
                    Cell(setting or "–", mark="long"),
                    Cell(size, figure.corpus),
                    Cell(str(figure.year)),
                    Cell(figure.source, figure.note, mark="long"),
                )
            )
    headers = ("system", "measure", "here", "published", "setting", "corpus size", "year", "source")
    note = "Published figures are comparable only as far as setting, corpus and year agree; they were not run here."
    return Table("Beside published figures", headers, tuple(rows), note)


def tuned(section: Section) -> Table:
    """What was tried on the development questions."""
    rows = []
    for row in section.rows:
        for settings, value in row.development.items():
            mark = "best" if settings == row.chosen else ""
            rows.append((Cell(row.name, mark="left"), Cell(settings, mark="left"), Cell(f"{value:.4f}", mark=mark)))
    headers = ("system", "settings tried", f"{section.primary}, development")
    return Table("Tuning", headers, tuple(rows), "Bold: chosen. Development questions are not among those reported.")


def failures(section: Section) -> Table:
    """The first questions that ended in an error."""
    rows = tuple(
        (Cell(system, mark="left"), Cell(question, mark="left"), Cell(error, mark="long"))
        for system, question, error in section.failures
    )
    return Table("Failed questions", ("system", "question", "error"), rows, "Scored as wrong; the first ones.")


def all_measures(section: Section) -> Table:
    """Every measure of every system, a row each."""
    rows = [
        (Cell(name, mark="left"), *(_interval(row.figures[name], with_n=True) for row in section.rows))
        for name in section.measures
    ]
    return Table("All measures", ("measure", *(row.name for row in section.rows)), tuple(rows))


def all_counts(section: Section) -> Table:
    """Everything that was counted, a row each."""
    names = list(dict.fromkeys(name for row in section.rows for name in row.run.metrics.counts))
    rows = [
        (
            Cell(name, mark="left"),
            *(
                Cell(f"{row.run.metrics.counts[name]:,}" if name in row.run.metrics.counts else "–")
                for row in section.rows
            ),
        )
        for name in names
    ]
    return Table("All counts", ("count", *(row.name for row in section.rows)), tuple(rows))


def stage_times(section: Section) -> Table:
    """Milliseconds a question of each stage."""
    stages = list(dict.fromkeys(stage for row in section.rows for stage in row.timings))
    rows = [
        (
            Cell(row.name, mark="left"),
            *(
                Cell(f"{row.timings[stage].mean:.2f}", f"p95 {row.timings[stage].p95:.2f}")
                if stage in row.timings
                else Cell("–")
                for stage in stages
            ),
        )
        for row in section.rows
        if row.timings
    ]
    how = (
        "one question at a time: latencies"
        if section.batch == 1
        else f"batches of {section.batch}: a question's share of its batch, not a latency"
    )
    return Table("Milliseconds by stage", ("system", *stages), tuple(rows), f"Mean over questions; {how}.")


def signed(value: float, digits: int = 4) -> str:
    """A number with its sign, minus being a minus and no hyphen.

    >>> signed(-0.5, 2)
    '−0.50'
    """
    return f"{value:+.{digits}f}".replace("-", "−")


def p_value(value: float) -> str:
    """A p-value as papers print it.

    >>> p_value(0.00009), p_value(0.0421)
    ('< .001', '.042')
    """
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def _best(intervals: Sequence[Interval], name: str) -> float:
    values = [interval.value for interval in intervals]
    return max(values) if declared(name).higher_is_better else min(values)


def _interval(interval: Interval, *, with_n: bool = False) -> Cell:
    n_questions = f"; n = {interval.n_questions:,}" if with_n else ""
    return Cell(f"{interval.value:.4f}", f"{interval.low:.4f} – {interval.high:.4f}{n_questions}")


def _count(counts: Mapping[str, int], name: str, *, bad: bool) -> Cell:
    value = counts.get(name, 0)
    return Cell(f"{value:,}", mark="bad" if bad and value else "")


def _time_headers(section: Section) -> tuple[str, ...]:
    return ("ms / question",) if any(row.timings for row in section.rows) else ()


def _times(section: Section, row: SystemRow) -> tuple[Cell, ...]:
    if not _time_headers(section):
        return ()
    total = row.timings.get("total")
    if total is None:
        return (Cell("–"),)
    return (Cell(f"{total.mean:.1f}", f"p95 {total.p95:.1f}" if section.batch == 1 else ""),)


def _own_ground(row: SystemRow) -> tuple[Cell, ...]:
    """Setting, corpus, year and source of a system that was run here."""
    manifest = row.run.manifest
    setting = "; ".join(str(manifest.task[key]) for key in ("setting", "data", "split") if manifest.task.get(key))
    size = f"{row.run.n_documents:,}" if row.run.n_documents and row.run.is_searched else "–"
    corpus = manifest.inputs.get("corpus", "") if row.run.is_searched else "none: the documents are given"
    return (
        Cell(setting or "–", mark="long"),
        Cell(size, corpus),
        Cell(manifest.created[:4] or "–"),
        Cell(f"this run ({manifest.id})", mark="long"),
    )
