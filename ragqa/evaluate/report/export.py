"""The tables of a report as files for papers and spreadsheets: LaTeX (booktabs) and CSV, a file each."""

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ragqa.evaluate.report.model import sections_of
from ragqa.evaluate.report.page import details_of
from ragqa.evaluate.report.tables import Cell, Table, tables_of
from ragqa.evaluate.runs.prepare import slug
from ragqa.manifest import write_atomically

TableFormat = Literal["latex", "csv"]
LATEX_FILE = "report.tex"
_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "–": "--",
    "—": "---",
    "−": "$-$",
    "…": r"\ldots{}",
    "×": r"$\times$",
    "±": r"$\pm$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "→": r"$\to$",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}
_INTERVAL = re.compile(r"(?P<low>[+−]?[\d.]+) – (?P<high>[+−]?[\d.]+)(?:; n = (?P<n>[\d,]+))?")
_AS_WIDE_AS_FITS = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}"
_DOCUMENT = r"""\documentclass[a4paper,landscape]{article}
\usepackage[margin=15mm]{geometry}
\usepackage[T1]{fontenc}
\usepackage{booktabs,graphicx}
\setlength{\parindent}{0pt}
\begin{document}
%s
\end{document}
"""


def write_tables(names: Sequence[str | Path], out: Path, form: TableFormat, measures: Sequence[str] = ()) -> list[Path]:
    r"""Write every table of a report on runs and ablations.

    Parameters
    ----------
    names
        Runs and ablations, by folder or id.
    form
        ``latex``: ``report.tex``, which compiles as it is, and the tables that it reads from ``latex/``, to be read
        into a paper with ``\input``. ``csv``: ``csv/``, with bounds of intervals in columns of their own.

    measures
        The columns, the first being tested; none: the task's own.

    Returns
    -------
    list of Path
        The files; for LaTeX the document first.

    Raises
    ------
    UsageError
        Nothing was named, or a run does not exist.
    """
    folder = out / form
    folder.mkdir(parents=True, exist_ok=True)
    suffix = "tex" if form == "latex" else "csv"
    paths, body = [], []
    for number, section in enumerate(sections_of(names, measures), start=1):
        body.append(f"\\section*{{{_latex(section.title)}}}")
        for table in [*tables_of(section), *details_of(section)]:
            path = folder / f"{number}-{slug(table.title)}.{suffix}"
            write_atomically(path, (as_latex(table) if form == "latex" else as_csv(table)).encode())
            paths.append(path)
            title, caption = _latex(table.title), _latex(table.caption)
            shown = f"{_AS_WIDE_AS_FITS}{{\\input{{latex/{path.stem}}}}}"
            below = f"\n\n\\smallskip{{\\footnotesize {caption}}}" if caption else ""
            body.append(f"\\subsection*{{{title}}}\n{shown}{below}")
    if form == "latex":
        write_atomically(out / LATEX_FILE, (_DOCUMENT % "\n\n".join(body)).encode())
        paths.insert(0, out / LATEX_FILE)
    return paths


def as_latex(table: Table) -> str:
    """The table as a ``tabular`` with the rules of booktabs: the best bold, letters raised, intervals small."""
    columns = "".join(
        "p{60mm}" if any(row[place].mark == "long" for row in table.rows) else "l" if table.is_left(place) else "r"
        for place in range(len(table.headers))
    )
    lines = [f"\\begin{{tabular}}{{{columns}}}", "\\toprule", " & ".join(map(_latex, table.headers)) + r" \\"]
    lines += ["\\midrule", *(" & ".join(map(_latex_cell, row)) + r" \\" for row in table.rows)]
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}%", ""])


def as_csv(table: Table) -> str:
    """The table with a header; what stands below a figure gets columns of its own (``NAME low``, ``NAME high`` …)."""
    columns: list[tuple[str, list[str]]] = []
    for place, header in enumerate(table.headers):
        cells = [row[place] for row in table.rows]
        columns += [(header, [_plain(cell.text) for cell in cells])]
        columns += _csv_below(header, cells)
        if any(cell.above for cell in cells):
            columns.append((f"{header} better than", [cell.above for cell in cells]))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([header for header, _ in columns])
    writer.writerows(zip(*(values for _, values in columns), strict=True))
    return file.getvalue()


def _csv_below(header: str, cells: Sequence[Cell]) -> list[tuple[str, list[str]]]:
    below = [cell.below for cell in cells]
    if not any(below):
        return []
    found = [_INTERVAL.fullmatch(text) for text in below]
    if any(text and not match for text, match in zip(below, found, strict=True)):
        return [(f"{header} note", [_plain(text) for text in below])]
    columns = []
    for part in ("low", "high", "n"):
        values = [_plain(match[part] or "") if match else "" for match in found]
        columns += [(f"{header} {part}", values)] if any(values) else []
    return columns


def _plain(text: str) -> str:
    """A number as programs read it; a text stays."""
    bare = text.replace("−", "-").replace(",", "")
    return "" if text == "–" else bare if re.fullmatch(r"[+-]?[\d.]+", bare) else text


def _latex(text: str) -> str:
    return "".join(_ESCAPES.get(sign, sign) for sign in " ".join(text.split()))


def _latex_cell(cell: Cell) -> str:
    text = _latex(cell.text)
    shown = f"\\textbf{{{text}}}" if cell.mark in ("best", "bad") else text
    shown += f"\\textsuperscript{{{_latex(cell.above)}}}" if cell.above else ""
    shown += f" {{\\scriptsize ({_latex(cell.below)})}}" if cell.below else ""
    # Braces first: a row that begins with a bracket would be taken for an argument of the line break before it.
    return f"{{}}{shown}"
