"""``ragqa eval report``: runs and ablations → one self-contained HTML page and a Markdown file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from ragqa.evaluate.compare.pairs import LEVEL
from ragqa.evaluate.report import plots, tables
from ragqa.evaluate.report.breakdown import breakdowns
from ragqa.evaluate.report.model import Section, SystemRow, sections_of
from ragqa.evaluate.report.questions import questions_of
from ragqa.evaluate.report.tables import Cell, Table
from ragqa.evaluate.report.templating import as_data, render
from ragqa.manifest import write_atomically

HTML_FILE, MARKDOWN_FILE = "report.html", "report.md"


def write_report(names: Sequence[str | Path], out: Path, measures: Sequence[str] = ()) -> tuple[Path, Path]:
    """Write ``report.html`` and ``report.md`` (with its plots beside it) into the folder ``out``.

    Parameters
    ----------
    names
        Runs and ablations, by folder or id. Runs of one task, split and setting share a section.
    measures
        The columns of the tables on runs, the first being tested; none: the task's own.

    Raises
    ------
    UsageError
        Nothing was named, or a run does not exist.
    """
    sections = sections_of(names, measures)
    drawn = [plots_of(section) for section in sections]
    out.mkdir(parents=True, exist_ok=True)
    browsers = _write_browsers(sections, out)
    write_atomically(out / HTML_FILE, as_html(sections, drawn, browsers))
    (out / "plots").mkdir(exist_ok=True)
    paths = []
    for number, pictures in enumerate(drawn, start=1):
        named = {title: f"plots/{number}-{place}.svg" for place, title in enumerate(pictures, start=1)}
        for title, path in named.items():
            write_atomically(out / path, pictures[title].encode())
        paths.append(named)
    write_atomically(out / MARKDOWN_FILE, as_markdown(sections, paths).encode())
    return out / HTML_FILE, out / MARKDOWN_FILE


def _write_browsers(sections: Sequence[Section], out: Path) -> list[str]:
    """A page of questions for each section, by file name; "" where a section has none."""
    names = []
    for number, section in enumerate(sections, start=1):
        questions = questions_of(section)
        names.append(f"questions-{number}.html" if questions else "")
        if not questions:
            continue
        systems = [row.name for row in section.rows if not row.run.members]
        changes = {"changed" if question.change else "same" for question in questions}
        filters = {
            "type": sorted({question.kind for question in questions}),
            "set": sorted({question.subset for question in questions}),
            "year": sorted({question.year for question in questions}),
            "outcome": sorted({attempt.outcome for question in questions for attempt in question.attempts}),
            "change": ["changed", "same"] if len(systems) > 2 else sorted(changes),
        }
        page = render(
            "questions.html",
            title=section.title,
            primary=section.primary,
            systems=systems,
            n_questions=len(questions),
            filters={name: choices for name, choices in filters.items() if len(choices) > 1},
            data=as_data(questions),
        )
        write_atomically(out / names[-1], page)
    return names


def plots_of(section: Section) -> dict[str, str]:
    """Title → SVG of each plot that the section has the figures for."""
    drawn: dict[str, str] = {}
    timed = [row for row in section.rows if "total" in row.timings and row.timings["total"].mean > 0]
    what = "latency" if section.batch == 1 else "time a question"
    if len(timed) > 1 and section.primary:
        points = [_point(row, section.primary) for row in timed]
        x_label = f"milliseconds a question, mean{'' if section.batch == 1 else f', in batches of {section.batch}'}"
        drawn[f"{section.primary} against {what} (grey: slower and worse beyond noise; hollow: within noise)"] = (
            plots.pareto(points, section.primary, x_label, _beats(section, timed))
        )
    placed = [row for row in section.rows if row.x is not None and row.x > 0]
    if section.against and len(placed) > 1:
        times = [row.timings["total"].mean for row in placed if "total" in row.timings]
        for measure in section.columns:
            points = [plots.Point(row.name, row.x or 0.0, row.figures[measure]) for row in placed]
            drawn[f"{measure} against {section.against}"] = plots.against_setting(
                points, measure, section.against, times
            )
    if section.calibration:
        drawn["Calibration of the verdicts"] = plots.calibration(section.calibration)
    if section.differences is not None:
        a, b, deltas = section.differences
        drawn[f"Differences in {section.primary}, question by question"] = plots.differences(
            deltas, a, b, section.primary
        )
    return drawn


def _point(row: SystemRow, measure: str) -> plots.Point:
    time = row.timings["total"]
    spread = None if time.low is None or time.high is None else (time.low, time.high)
    return plots.Point(row.name, time.mean, row.figures[measure], spread)


def _beats(section: Section, timed: Sequence[SystemRow]) -> set[tuple[int, int]]:
    """Places of (better, worse) among the timed systems where the adjusted p says that this is no noise."""
    place = {row.name: number for number, row in enumerate(timed)}
    found = set()
    for test in section.tests:
        if test.p_holm < LEVEL and test.comparison.better and {test.a, test.b} <= place.keys():
            pair = (test.a, test.b) if test.comparison.better == "a" else (test.b, test.a)
            found.add((place[pair[0]], place[pair[1]]))
    return found


def as_html(sections: Sequence[Section], drawn: Sequence[Mapping[str, str]], browsers: Sequence[str]) -> bytes:
    """The page; it loads nothing from anywhere. ``browsers`` are the pages of the sections' questions."""
    parts = [
        {
            "section": section,
            "browser": browser,
            "pictures": pictures,
            "tables": tables.tables_of(section),
            "details": details_of(section),
            "provenance": _provenance(section),
        }
        for section, pictures, browser in zip(sections, drawn, browsers, strict=True)
    ]
    return render("report.html", summary=_summary(sections), parts=parts)


def as_markdown(sections: Sequence[Section], pictures: Sequence[Mapping[str, str]]) -> str:
    """The same as Markdown; ``pictures`` maps the title of a plot to its path."""
    parts = ["# Evaluation report", _summary(sections)]
    for section, named in zip(sections, pictures, strict=True):
        parts += [f"## {section.title}", section.description, section.savings]
        parts += [f"- {note}" for note in section.notes]
        for table in [*tables.tables_of(section), *details_of(section)]:
            parts += [f"### {table.title}", _table_markdown(table), table.caption]
        parts += [f"### {title}\n\n![{title}]({path})" for title, path in named.items()]
        parts += ["### Provenance", f"```json\n{_provenance(section)}\n```"]
    return "\n\n".join(filter(None, _joined_lists(parts))) + "\n"


def _summary(sections: Sequence[Section]) -> str:
    manifest = sections[0].rows[0].run.manifest
    machine = manifest.machine
    where = f"{machine.n_cores} cores, {machine.system}, Python {machine.python}" if machine else "unknown machine"
    n_systems = sum(len(section.rows) for section in sections)
    sets = f"{len(sections)} question set{'s' if len(sections) > 1 else ''}"
    systems = f"{n_systems} system{'s' if n_systems > 1 else ''}"
    return f"{sets}, {systems}. ragqa revision {manifest.revision or 'unknown'}; {where}."


def details_of(section: Section) -> list[Table]:
    """The tables that are folded away on the page, those without rows left out."""
    found = [
        *breakdowns(section),
        tables.all_measures(section),
        tables.stage_times(section),
        tables.all_counts(section),
    ]
    return [table for table in found if table.rows]


def _table_markdown(table: Table) -> str:
    def text(cell: Cell) -> str:
        shown = f"**{cell.text}**" if cell.mark in ("best", "bad") else cell.text
        shown += f" ^{cell.above}^" if cell.above else ""
        shown += f" ({cell.below})" if cell.below else ""
        return shown.replace("|", "\\|").replace("\n", " ")

    lines = [table.headers, ["---"] * len(table.headers), *([text(cell) for cell in row] for row in table.rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _joined_lists(parts: Sequence[str]) -> list[str]:
    """Items of one list in one part, so that no blank line stands between them."""
    joined: list[str] = []
    for part in parts:
        if part.startswith("- ") and joined and joined[-1].startswith("- "):
            joined[-1] += f"\n{part}"
        else:
            joined.append(part)
    return joined


def _provenance(section: Section) -> str:
    """What each system was made with; settings that all agree in are told once."""
    manifests = {row.name: msgspec.to_builtins(row.run.manifest) for row in section.rows}
    first = next(iter(manifests.values()))
    common = {
        key: value
        for key, value in first.items()
        if key not in ("id", "system", "sessions", "created", "wall_seconds")
        and all(other[key] == value for other in manifests.values())
    }
    own = {
        name: {key: value for key, value in manifest.items() if key not in common}
        for name, manifest in manifests.items()
    }
    return msgspec.json.format(msgspec.json.encode({"common": common, "systems": own}), indent=2).decode()
