"""``ragqa check``: a text against the literature."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ragqa.cli import show
from ragqa.cli.options import index_option, json_option, set_option
from ragqa.errors import UsageError, nearest

if TYPE_CHECKING:
    from ragqa.check.types import Checked, CheckedClaim, CheckedReference, Citation

_STYLES = {"supported": "green", "contradicted": "bold red", "mixed": "yellow", "not_found": "dim"}


@click.command()
@click.argument("file", metavar="FILE|-")
@index_option
@click.option("--form", help="text, markdown, html, docx or pdf; default: by the file's name.")
@click.option("--out", type=click.Path(path_type=Path), help="Write a report: .html, .csv, .json or .jsonl (BioGen A).")
@click.option("--fail-on", default="", metavar="RESULT,…", help="Exit with 1 on these, e.g. contradicted,missing.")
@set_option
@json_option
def check(file: str, index_name: str, out: Path | None, as_json: bool, **options: Any) -> None:
    """Check each claim and each reference of a text (Markdown, HTML, DOCX, PDF or plain; - reads stdin)."""
    import ragqa
    from ragqa.check.text.blocks import blocks_of, read_blocks
    from ragqa.check.types import Checked, counts_in_words

    wanted, form = _wanted(options["fail_on"]), options["form"]
    if out is not None and out.suffix not in _WRITERS:
        raise UsageError(f"--out ends with {out.suffix!r}; {nearest(out.suffix, _WRITERS)}")
    blocks = (
        blocks_of(sys.stdin.buffer.read(), form or "text", "stdin") if file == "-" else read_blocks(Path(file), form)
    )
    checked = None
    with ragqa.open(index_name, options["overrides"]) as engine:
        for found in engine.check(blocks):
            if isinstance(found, Checked):
                checked = found
            elif not as_json:
                _show(found)
    assert checked is not None  # noqa: S101 - what a stream ends with
    if out is not None:
        from ragqa.manifest import write_atomically

        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out, _WRITERS[out.suffix](checked, "stdin" if file == "-" else Path(file).name))
    if as_json:
        show.json_document(checked)
    else:
        show.line("; ".join(counts_in_words(checked.summary)))
        if out is not None:
            show.line(f"Written: {out}")
    hit = [name for name in wanted if checked.summary.get(name)]
    if hit:
        show.tell_more()
        told = counts_in_words({name: checked.summary[name] for name in hit})
        click.echo(f"ragqa: {', '.join(told)}", err=True)
        raise click.exceptions.Exit(1)


def _wanted(fail_on: str) -> list[str]:
    """The counts of the summary that ``--fail-on`` names."""
    from ragqa.check.types import STATUSES, VERDICTS

    names: dict[str, str] = {verdict: f"claims_{verdict}" for verdict in VERDICTS}
    names |= {status: f"references_{status}" for status in STATUSES}
    names |= {f"{status}-reference": f"references_{status}" for status in STATUSES}
    asked = [name.strip() for name in fail_on.split(",") if name.strip()]
    for name in asked:
        if name not in names:
            raise UsageError(f"--fail-on names {name!r}; {nearest(name, names)}")
    return [names[name] for name in asked]


def _html(checked: "Checked", name: str) -> bytes:
    from ragqa.check.page import as_html

    return as_html(checked, name)


def _csv(checked: "Checked", name: str) -> bytes:  # noqa: ARG001
    from ragqa.check.table import as_csv

    return as_csv(checked)


def _json(checked: "Checked", name: str) -> bytes:  # noqa: ARG001
    from ragqa.manifest import json_bytes

    return json_bytes(checked)


def _biogen(checked: "Checked", name: str) -> bytes:
    from ragqa.evaluate.tasks.formats.biogen import grounded_lines
    from ragqa.evaluate.tasks.formats.checked import as_grounded

    lines, _ = grounded_lines([as_grounded(checked, Path(name).stem)], "check")
    return lines


_WRITERS = {".jsonl": _biogen, ".html": _html, ".csv": _csv, ".json": _json}


def _show(found: "CheckedClaim | CheckedReference") -> None:
    from ragqa.check.page import STATUS_NAMES, verdict_name
    from ragqa.check.types import CheckedClaim
    from ragqa.render.quoted import quoted

    if not isinstance(found, CheckedClaim):
        article = f" {found.document_id}" if found.document_id else ""
        show.line(f"[{STATUS_NAMES[found.status]}]{article} {found.text}")
        for problem in found.problems:
            show.line(f"    {problem}", "yellow")
        return
    show.line(f"[{verdict_name(found)}] {found.text}", _STYLES[found.verdict])
    for sign, cited in (("+", found.supporting), ("−", found.contradicting)):
        for one in cited:
            show.line(f"    {sign} {_source(one)}: {quoted(one.quotes)}", "dim")
    for note in found.notes:
        show.line(f"    ! {note}", "yellow")


def _source(one: "Citation") -> str:
    from ragqa.render.verdict import kind_of_article

    return ", ".join(str(part) for part in (one.document_id, one.year, kind_of_article(one.evidence_level)) if part)
