"""The route that completes the names of filters: MeSH headings, publication types, journals, languages."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from ragqa.retrieve.filter_names import FilterKind, FilterName
from ragqa.serve.api import json_response
from ragqa.serve.problem import documented
from ragqa.serve.service import Service


@dataclass(frozen=True, slots=True)
class FilterNameList:
    """Names of one kind, the most frequent first."""

    kind: FilterKind
    names: tuple[FilterName, ...]


def router(service: Service) -> APIRouter:
    """The route over an opened service."""
    routes = APIRouter(tags=["documents"])

    @routes.get(
        "/v1/filters",
        response_model=FilterNameList,
        responses=documented(401, 404, 422, 503, 504),
    )
    async def filters(
        kind: Annotated[FilterKind, Query(description="The key of a filter that the names are for.")],
        prefix: Annotated[str, Query(max_length=200, description="First letters of the name or of a word in it.")] = "",
        k: Annotated[int, Query(ge=1, le=100)] = 20,
        index: str | None = None,
    ) -> Response:
        """The names that a filter takes and that begin with given letters, those of the index first."""
        found = await service.filter_names(index, kind, prefix, k)
        return json_response(FilterNameList(kind, found))

    return routes
