"""``ragqa ask`` and ``ragqa search``."""

from typing import Any, get_args

import click

from ragqa.cli import show
from ragqa.cli.options import filter_of, filter_options, index_option, json_option, set_option
from ragqa.errors import UsageError
from ragqa.types import Answer, QuestionType, Source

_STYLES = {"warning": "bold yellow", "lead": "bold", "text": "", "quote": "dim"}


@click.command()
@click.argument("question")
@index_option
@click.option("--type", "question_type", type=click.Choice(get_args(QuestionType)), help="Else told by the wording.")
@filter_options
@set_option
@json_option
def ask(
    question: str,
    index_name: str,
    question_type: QuestionType | None,
    overrides: tuple[str, ...],
    as_json: bool,
    **filters: Any,
) -> None:
    """Answer QUESTION; each sentence names its article and the very words it rests on."""
    with _open(index_name, overrides) as engine:
        answer = engine.ask(question, type=question_type, allowed=filter_of(filters))
    if as_json:
        show.json_document(answer)
    else:
        _show_answer(answer)


@click.command()
@click.argument("question")
@index_option
@click.option("-k", default=10, show_default=True, help="How many documents.")
@filter_options
@set_option
@json_option
@click.option(
    "--fielded", is_flag=True, help="QUESTION is a query as PubMed takes it: metformin[ti] AND 2015:2024[dp]."
)
def search(
    question: str,
    index_name: str,
    k: int,
    overrides: tuple[str, ...],
    as_json: bool,
    **filters: Any,
) -> None:
    """The documents that fit QUESTION best, with the scores of each stage."""
    from ragqa.answer.compose import source_of

    fielded = filters.pop("fielded")
    with _open(index_name, overrides) as engine:
        allowed = filter_of(filters)
        hits, total = (
            engine.search_fielded(question, k, allowed) if fielded else (engine.search(question, k, allowed), 0)
        )
        sources = [source_of(document, cited=False) for document in engine.store.read([hit.row for hit in hits])]
    if as_json:
        show.json_document(
            {"question": question, "hits": [_hit(hit, source) for hit, source in zip(hits, sources, strict=True)]}
        )
        return
    if not hits:
        raise UsageError("nothing was found; use other words or loosen the filters")
    stages = sorted({stage for hit in hits for stage in hit.scores})
    rows = [
        [hit.rank, hit.document_id, source.year, f"{hit.score:.4f}"]
        + [f"{hit.scores[stage]:.3f}" if stage in hit.scores else "–" for stage in stages]
        + [("RETRACTED: " if source.retracted else "") + source.title, source.evidence_level]
        for hit, source in zip(hits, sources, strict=True)
    ]
    show.table(["rank", "id", "year", "score", *stages, "title", "evidence"], rows)
    if fielded:
        show.line(f"{total:,} found in all")


def _open(index_name: str, overrides: tuple[str, ...]) -> Any:
    import ragqa

    return ragqa.open(index_name, overrides)


def _hit(hit: Any, source: Source) -> dict[str, Any]:
    import msgspec

    return {**msgspec.to_builtins(hit), **msgspec.to_builtins(source)}


def _show_answer(answer: Answer) -> None:
    from ragqa.render import plain

    for text, role in plain.lines(answer):
        show.line(text, _STYLES[role])
