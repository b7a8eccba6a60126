"""The routes for taking things along: articles for a reference manager, answers as text, HTML or a table."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from ragqa.answer.compose import source_of
from ragqa.render import bibtex, html, markdown, nbib, quotes, ris, studies, table
from ragqa.serve.api import json_response
from ragqa.serve.models import Closed, Name, Text
from ragqa.serve.problem import documented
from ragqa.serve.records import Record, record_of
from ragqa.serve.service import Service
from ragqa.study.read import study_of
from ragqa.types import Answer, Document, ExactAnswer, Notice, Question, Source, Statement, Study, VerdictLabel

_ARTICLES: Mapping[str, tuple[Callable[[Sequence[Document]], str], str, str]] = {
    "ris": (ris.text, ris.MEDIA_TYPE, "ris"),
    "nbib": (nbib.text, nbib.MEDIA_TYPE, "nbib"),
    "bibtex": (bibtex.text, bibtex.MEDIA_TYPE, "bib"),
    "csv": (table.text, table.MEDIA_TYPE, "csv"),
    "evidence": (lambda documents: studies.text(map(_row, documents)), table.MEDIA_TYPE, "evidence.csv"),
}
_ANSWERS: Mapping[str, tuple[Callable[[Answer], str], str]] = {
    "markdown": (markdown.whole, "text/markdown; charset=utf-8"),
    "html": (html.fragment, html.MEDIA_TYPE),
    "csv": (quotes.text, table.MEDIA_TYPE),
    "evidence": (studies.of_answer, table.MEDIA_TYPE),
}
ARTICLE_FORMATS: Mapping[str, str] = {
    "ris": "RIS",
    "nbib": "NBIB",
    "bibtex": "BibTeX",
    "csv": "CSV",
    "evidence": "evidence table",
}
"""The forms of articles, and their names."""
ANSWER_FORMATS: Mapping[str, str] = {
    "markdown": "Markdown",
    "html": "HTML",
    "csv": "CSV",
    "evidence": "evidence table",
}
"""The forms of answers, and their names."""
Ids = Annotated[list[Name], Field(min_length=1, max_length=1000)]


class ExportRequest(Closed):
    """Articles to take along."""

    ids: Ids = Field(description="Ids of documents, for example of the hits of a search; at most as many as it gives.")
    format: Literal["ris", "nbib", "bibtex", "csv", "evidence"]
    index: Name | None = Field(None, description="A name of /v1/indexes; else the server's default.")


class RecordsRequest(Closed):
    """Articles to list."""

    ids: Ids
    question: Text = Field("", max_length=20_000, description="What of each article fits this is told.")
    index: Name | None = Field(None, description="A name of /v1/indexes; else the server's default.")


@dataclass(frozen=True, slots=True)
class Records:
    """Articles of a list, in the order in which they were asked for."""

    records: list[Record]


class RenderRequest(Closed):
    """What of an answer of `/v1/ask` is shown elsewhere."""

    format: Literal["markdown", "html", "csv", "evidence"]
    question: Text
    verdict: VerdictLabel | None = None
    verdict_probabilities: dict[str, float] = Field(default_factory=dict)
    exact_answers: tuple[ExactAnswer, ...] = ()
    statements: tuple[Statement, ...] = ()
    sources: tuple[Source, ...] = ()
    abstained: bool = False
    reason: str = ""
    notices: tuple[Notice, ...] = ()
    studies: tuple[Study, ...] = ()

    def to_answer(self) -> Answer:
        """The answer, as far as it is known."""
        return Answer(
            Question(self.question),
            verdict=self.verdict,
            verdict_probabilities=self.verdict_probabilities,
            exact_answers=self.exact_answers,
            statements=self.statements,
            sources=self.sources,
            abstained=self.abstained,
            reason=self.reason,
            notices=self.notices,
            studies=self.studies,
        )


def router(service: Service) -> APIRouter:
    """The routes over an opened service."""
    routes = APIRouter(tags=["documents"])

    @routes.post(
        "/v1/export",
        response_class=Response,
        responses={
            200: {
                "description": "The articles as a file.",
                "content": {kind.partition(";")[0]: {} for _, kind, _ in _ARTICLES.values()},
            },
            **documented(400, 401, 404, 408, 413, 422, 503, 504),
        },
    )
    async def export(body: ExportRequest) -> Response:
        """Articles as a file for a reference manager (RIS, NBIB, BibTeX) or a spreadsheet (CSV).

        `evidence` is a table of the studies (CSV): design, participants, population, intervention, comparator, outcome,
        direction and a quote, read by rule and blank where the abstract does not say them plainly.
        """
        ids = list(dict.fromkeys(body.ids))
        return await service.documents(body.index, ids, lambda found: articles_file(found, body.format))

    @routes.post(
        "/v1/records",
        response_model=Records,
        responses=documented(400, 401, 404, 408, 413, 422, 503, 504),
    )
    async def records(body: RecordsRequest) -> Response:
        """Articles with their authors, addresses and participants, and the sentence of each that fits a question."""

        def written(documents: list[Document]) -> Response:
            return json_response(Records([record_of(document, body.question) for document in documents]))

        return await service.documents(body.index, list(dict.fromkeys(body.ids)), written)

    @routes.post(
        "/v1/render",
        response_class=Response,
        responses={
            200: {
                "description": "The answer as text.",
                "content": {kind.partition(";")[0]: {} for _, kind in _ANSWERS.values()},
            },
            **documented(400, 401, 408, 413, 422),
        },
    )
    async def render(body: RenderRequest) -> Response:
        """An answer as Markdown, as a fragment of HTML, or as a table; all texts are escaped.

        `csv` has one row a quote, `evidence` one row a study.
        """
        return answer_file(body.to_answer(), body.format)

    return routes


def articles_file(documents: Sequence[Document], form: str) -> Response:
    """Articles as a file in one of :data:`ARTICLE_FORMATS`."""
    write, media_type, ending = _ARTICLES[form]
    return _file(write(documents), media_type, f"articles.{ending}")


def answer_file(answer: Answer, form: str) -> Response:
    """An answer as a file in one of :data:`ANSWER_FORMATS`."""
    write, media_type = _ANSWERS[form]
    endings = {"markdown": "md", "evidence": "evidence.csv"}
    return _file(write(answer), media_type, f"answer.{endings.get(form, form)}")


def _row(document: Document) -> tuple[Source, Study]:
    return source_of(document, cited=False), study_of(document)


def _file(text: str, media_type: str, name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text.encode("utf-8", "replace"), headers=headers, media_type=media_type)
