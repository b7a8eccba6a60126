"""The routes for having questions watched: each key sees and ends its own, and no file is ever read for one."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ragqa.serve.api import asked, json_response
from ragqa.serve.disconnect import unless_gone
from ragqa.serve.models import Closed, Name, Text
from ragqa.serve.problem import documented
from ragqa.serve.service import Service
from ragqa.serve.settings import ServeSettings, Watching
from ragqa.watch import items
from ragqa.watch.types import Item

PATH = "/v1/watch"


class WatchRequest(Closed):
    """A question or a claim (a sentence with a full stop) to watch."""

    question: Text
    index: Name | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """What is watched: what was last told of it, and how many alerts it gave."""

    id: str
    index: str
    kind: str
    title: str
    verdict: str
    alerts: int
    since: str


@dataclass(frozen=True, slots=True)
class WatchedList:
    """What a key has watched."""

    items: Sequence[Watched]


def router(service: Service, settings: ServeSettings) -> APIRouter:
    """The routes over an opened service."""
    routes = APIRouter(tags=["watch"])

    @routes.post(PATH, response_model=Watched, responses=documented(400, 401, 403, 404, 408, 413, 422, 503, 504))
    async def add(request: Request, body: WatchRequest) -> Response:
        """Watch a question or a claim: what is answered now is what later changes are told from."""
        owner = _owner(request, settings.watch)
        request.state.facts |= asked(body.question, body.index or service.names[0], settings)
        adding = service.watch(body.index, body.question, owner, settings.watch.most)
        return json_response(_shown(await unless_gone(request, adding)))

    @routes.get(PATH, response_model=WatchedList, responses=documented(401, 403))
    async def own(request: Request) -> Response:
        """What this key has watched."""
        return json_response(WatchedList([_shown(item) for item in await _items_of(_owner(request, settings.watch))]))

    @routes.delete(PATH + "/{item_id}", response_model=Watched, responses=documented(401, 403, 404, 422))
    async def remove(request: Request, item_id: str) -> Response:
        """Watch it no longer."""
        owner = _owner(request, settings.watch)
        if not any(item.id == item_id for item in await _items_of(owner)):
            raise HTTPException(404, f"this key watches nothing with the id {item_id[:40]!r}; GET {PATH} lists it")
        return json_response(_shown(await asyncio.to_thread(items.remove, item_id, owner)))

    return routes


async def _items_of(owner: str) -> list[Item]:
    """What an owner has watched, read beside the event loop: the files of all owners are looked through."""
    return await asyncio.to_thread(items.read_all, owner=owner)


def _owner(request: Request, settings: Watching) -> str:
    if request.state.facts.get("key", "") not in settings.keys:
        raise HTTPException(
            403, "this key may not have questions watched; whoever runs the server names it in watch.keys"
        )
    return str(request.state.facts["key"])


def _shown(item: Item) -> Watched:
    verdict = "; ".join(finding.verdict for finding in item.findings if finding.verdict)
    return Watched(item.id, item.index, item.kind, item.title, verdict, item.serial, item.written)
