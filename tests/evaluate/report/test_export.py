"""Tables for papers and spreadsheets, and figures divided by type, set and year."""

import csv
import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ragqa.cli import run as cli
from ragqa.evaluate.report.breakdown import breakdowns, groups_of
from ragqa.evaluate.report.export import as_csv, as_latex, write_tables
from ragqa.evaluate.report.model import sections_of
from ragqa.evaluate.report.tables import Cell, Table
from ragqa.evaluate.runs.imported import import_run
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.tasks.registry import load_tasks


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """Two systems on two years of BioASQ: one right everywhere, one on yes/no questions of 13b alone."""
    gold = tmp_path / "gold"
    gold.mkdir()
    exact = {"yesno": "yes", "factoid": [["statins"]]}
    wrong = {"yesno": "no", "factoid": [["aspirin"]]}
    answers: dict[str, list[object]] = {"good_one%": [], "bad": []}
    for batch in ("12B1", "13B1"):
        rows = []
        for kind, answer in exact.items():
            for n in range(3):
                row = {"id": f"{batch}{kind}{n}", "type": kind, "body": "Do they?", "ideal_answer": ["They do."]}
                rows.append({**row, "exact_answer": answer})
                is_right = kind == "yesno" and batch == "13B1"
                answers["good_one%"].append({**row, "exact_answer": answer})
                answers["bad"].append({**row, "exact_answer": answer if is_right else wrong[kind]})
        (gold / f"{batch}_golden.json").write_text(json.dumps({"questions": rows}))
    paths = []
    for name, given in answers.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"questions": given}))
        request = Request("bioasq", gold, setting="A+", out=tmp_path / "runs" / name.strip("%"))
        paths.append(import_run(tmp_path / f"{name}.json", request, label=name).path)
    return paths


def test_figures_are_divided_by_type_set_and_year(runs: list[Path]) -> None:
    (section,) = sections_of(runs)
    tables = {table.headers[0]: table for table in breakdowns(section)}
    assert tables.keys() == {"type", "set", "year"}
    place = tables["year"].headers.index("yesno_macro_f1")
    figures = {(row[0].text, row[1].text): row[place].text for row in tables["year"].rows}
    assert figures[("2024", "good_one%")] == figures[("2025", "good_one%")] == figures[("2025", "bad")]
    assert float(figures[("2024", "bad")]) == 0 < float(figures[("2024", "good_one%")])
    by_type = {(row[0].text, row[1].text): row[place].text for row in tables["type"].rows}
    assert by_type[("factoid", "bad")] == "–", "no yes/no question is among the factoids"


def test_latex_is_escaped_whole_and_reads_its_tables(runs: list[Path], tmp_path: Path) -> None:
    document, *tables = write_tables(runs, tmp_path / "paper", "latex")
    text = document.read_text()
    read = re.findall(r"\\input\{(.+?)\}", text)
    assert [document.parent / f"{name}.tex" for name in read] == tables
    for path in (document, *tables):
        bare = re.sub(r"\\[\\{}&%$#_]", "", path.read_text())
        assert bare.count("{") == bare.count("}")
        assert not re.search(r"(?<!\\)[%#~^]", path.read_text().replace("}%\n", "}\n")), path
        assert path.read_text().isascii(), path
    results = (tmp_path / "paper" / "latex" / "1-results.tex").read_text()
    assert r"good\_one\%" in results
    widths = {len(re.findall(r"(?<!\\)&", line)) for line in results.splitlines() if line.endswith(r" \\")}
    assert len(widths) == 1
    assert results.count(r" \\") == 3


def test_latex_compiles(runs: list[Path], tmp_path: Path) -> None:
    if shutil.which("latexmk") is None:
        pytest.skip("no latexmk; install it with: apt-get install latexmk texlive-latex-recommended")
    document, *_ = write_tables(runs, tmp_path / "paper", "latex")
    command = ["latexmk", "-pdf", "-cd", "-interaction=nonstopmode", "-halt-on-error", str(document)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]
    assert document.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    log = document.with_suffix(".log").read_text(errors="replace")
    assert "Overfull" not in log
    assert "undefined" not in log


def test_csv_has_numbers_and_bounds_in_columns(runs: list[Path], tmp_path: Path) -> None:
    paths = write_tables(runs, tmp_path / "sheets", "csv")
    (results,) = [path for path in paths if path.name == "1-results.csv"]
    rows = list(csv.DictReader(io.StringIO(results.read_text())))
    (section,) = sections_of(runs)
    for row, system in zip(rows, section.rows, strict=True):
        assert row["system"] == system.name
        for name in section.columns:
            shown = [float(row[key]) for key in (name, f"{name} low", f"{name} high")]
            made = system.figures[name]
            assert shown == pytest.approx([made.value, made.low, made.high], abs=5e-5)


def test_cells_of_all_kinds() -> None:
    row = (Cell("a&b", mark="left"), Cell("−1,234.5", "−2.0 – +3.0; n = 1,200", "AB", "best"), Cell("–"))
    table = Table("t", ("x", "y", "z"), (row,))
    assert (
        r"{}a\&b & {}\textbf{$-$1,234.5}\textsuperscript{AB} {\scriptsize ($-$2.0 -- +3.0; n = 1,200)} & {}--"
        in as_latex(table)
    )
    assert as_csv(table) == "x,y,y low,y high,y n,y better than,z\na&b,-1234.5,-2.0,+3.0,1200,AB,\n"


def test_a_single_group_is_no_division() -> None:
    (task,) = load_tasks("sample")
    assert all(len(groups) > 1 for groups in groups_of(task).values())


def test_from_data_to_latex_as_the_readme_has_it(
    small_beir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("theirs.trec").write_text("".join(f"q{n} Q0 d{n} 1 2.0 tag\n" for n in range(20)))
    data = ["--data", str(small_beir)]
    assert cli(["eval", "run", "beir", *data, "--recipe", "bm25-anserini", "--out", "ours"]) == 0
    assert cli(["eval", "import", "theirs.trec", "--task", "beir", *data, "--label", "theirs", "--out", "theirs"]) == 0
    capsys.readouterr()
    assert cli(["eval", "report", "ours", "theirs", "--format", "latex", "--out", "paper", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tables"][0] == "paper/report.tex"
    assert "theirs" in Path("paper/latex/1-results.tex").read_text()


def test_tasks_are_listed_and_data_that_needs_registration_has_its_steps(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli(["eval", "tasks", "--json"]) == 0
    assert {"bioasq", "beir", "biogen"} <= json.loads(capsys.readouterr().out).keys()
    assert cli(["eval", "tasks", "bioasq"]) == 0
    assert "Register at http://participants-area.bioasq.org" in capsys.readouterr().out
    assert cli(["eval", "fetch", "bioasq"]) == 2
    assert "Register" in capsys.readouterr().err
