"""A language model behind an OpenAI-compatible endpoint (vLLM first): limits, retries, streaming, token counts."""

import asyncio
import functools
import logging
import os
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ragqa.errors import BackendError, EndpointError, UsageError, nearest
from ragqa.llm.choice import check_choices
from ragqa.llm.complaints import explained
from ragqa.llm.model import Completion, Message, Request
from ragqa.llm.reasoning import ReplyStream
from ragqa.llm.replies import RawReply
from ragqa.recipe import EndpointSettings

if TYPE_CHECKING:
    import openai
    from openai import AsyncOpenAI

_log = logging.getLogger(__name__)
T = TypeVar("T")

N_TOP_LOGPROBS = 20
"""How many log probabilities are asked for at each token; the most that vLLM and OpenAI give by default."""
FIRST_TRY_S = 3.0
"""Seconds for which an endpoint that has never answered is tried."""
_CHARACTERS_PER_TOKEN = 3.5
_LONGEST_PAUSE_S = 8.0
_NO_ROUTE = {404, 405, 501}


class EndpointModel:
    """A model behind an endpoint; an implementation of :class:`ragqa.llm.model.LanguageModel`.

    The constructor does nothing but keep its settings. Requests run on the loop of ``ragqa.llm.loop``.
    """

    def __init__(self, settings: EndpointSettings) -> None:
        self.settings = settings
        self.name = settings.model
        self.in_flight = settings.in_flight
        self.max_tokens = settings.max_tokens
        self._slots: asyncio.Semaphore | None = None
        self._look_up: asyncio.Lock | None = None
        self._has_answered = False
        self._tokenizes = True
        self._context = settings.context_tokens
        self.n_under_way = 0
        """Requests that hold a slot now."""
        self.most_under_way = 0
        """The most requests that were ever under way at once."""
        self.n_completed = 0
        """How many requests were answered."""
        self.n_retries = 0
        """How many requests had to be sent again."""

    async def complete(self, request: Request) -> Completion:
        """The reply; see :class:`ragqa.llm.model.LanguageModel`."""
        arguments = await self._arguments(request)
        reply = await self._retrying(lambda client: client.chat.completions.create(**arguments))
        if not getattr(reply, "choices", None):
            raise EndpointError(
                f"{self.settings.base_url} replied without any choice; is it an OpenAI-compatible server?"
            )
        raw = RawReply()
        raw.add(reply.choices[0], reply.choices[0].message)
        raw.count(reply.usage)
        return raw.completion(request)

    async def stream(self, request: Request) -> AsyncIterator[str | Completion]:
        """The reply in pieces; see :class:`ragqa.llm.model.LanguageModel`.

        A connection lost in the middle raises :class:`EndpointError`: what was shown cannot be taken back.
        """
        arguments = await self._arguments(request)
        arguments |= {"stream": True, "stream_options": {"include_usage": True}}
        shown, raw = ReplyStream(), RawReply()
        async with self._slot():
            stream = await self._retrying(lambda client: client.chat.completions.create(**arguments), slot=False)
            async with aclosing(self._chunks(stream)) as chunks:
                async for chunk in chunks:
                    raw.count(chunk.usage)
                    for choice in (chunk.choices or [])[:1]:
                        if piece := shown.feed(raw.add(choice, choice.delta)):
                            yield piece
        if not raw.finish:  # a server that dies may still close its connection in good order
            raise EndpointError(self._broken("it ended without a finish_reason"))
        yield raw.completion(request)

    async def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of a conversation by the server's ``/tokenize``, else estimated at 3.5 characters a token."""
        if self._tokenizes:
            body = {"model": await self._model_name(), "messages": _plain(messages)}
            try:
                reply = await self._retrying(
                    lambda client: client.post(self._root("tokenize"), body=body, cast_to=object)
                )
                return int(cast("dict[str, Any]", reply)["count"])
            except (EndpointError, KeyError, TypeError) as error:
                if isinstance(error, EndpointError) and getattr(error.__cause__, "status_code", 0) not in _NO_ROUTE:
                    raise
                self._tokenizes = False
                _log.warning("%s has no /tokenize (%s); tokens are estimated", self.settings.base_url, error)
        return round(sum(len(message.content) / _CHARACTERS_PER_TOKEN + 8 for message in messages))

    @property
    def counts_exactly(self) -> bool:
        """Whether tokens are counted by the server, as far as is known yet."""
        return self._tokenizes

    async def context_length(self) -> int:
        """The settings' ``context_tokens``, else the server's ``max_model_len``.

        Raises
        ------
        UsageError
            The server does not serve the model, or does not tell how long its context is.
        """
        if not self._context:
            await self._look_up_model()
        return self._context

    async def models(self) -> list[dict[str, Any]]:
        """What the endpoint serves: one table for each model."""
        page = await self._retrying(lambda client: client.models.list())
        return [model.model_dump() for model in page.data or []]

    async def close(self) -> None:
        """Nothing: connections are shared by all models of the endpoint, and idle ones end by themselves."""

    async def _arguments(self, request: Request) -> dict[str, Any]:
        settings = self.settings
        temperature = settings.temperature if request.temperature is None else request.temperature
        arguments: dict[str, Any] = {
            "model": await self._model_name(),
            "messages": _plain(request.messages),
            "max_tokens": request.max_tokens or settings.max_tokens,
            "temperature": temperature,
            "seed": settings.seed if request.seed is None else request.seed,
        }
        if request.choices:
            check_choices(request.choices)
            arguments |= {"logprobs": True, "top_logprobs": N_TOP_LOGPROBS}
        return arguments | self._constraint(request)

    def _constraint(self, request: Request) -> dict[str, Any]:
        kind = self.settings.structured_output
        if kind == "none" or not (request.choices or request.schema):
            return {}
        if kind == "vllm":
            wanted = {"choice": list(request.choices)} if request.choices else {"json": request.schema}
            return {"extra_body": {"structured_outputs": wanted}}
        schema = {"type": "string", "enum": list(request.choices)} if request.choices else request.schema
        return {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "reply", "schema": schema, "strict": True},
            }
        }

    async def _model_name(self) -> str:
        if not self.name:
            await self._look_up_model()
        return self.name

    async def _look_up_model(self) -> None:
        if self._look_up is None:
            self._look_up = asyncio.Lock()
        async with self._look_up:
            if not (self.name and self._context):
                await self._look_up_once()

    async def _look_up_once(self) -> None:
        served = await self.models()
        names = [str(model["id"]) for model in served]
        if not self.name:
            if len(names) != 1:
                raise UsageError(
                    f"{self.settings.base_url} serves {len(names)} models ({', '.join(names) or 'none'}); "
                    "name one in answer.chat.model"
                )
            self.name = names[0]
        chosen = next((model for model in served if model["id"] == self.name), None)
        if chosen is None and names:
            raise UsageError(f"{self.settings.base_url} does not serve {self.name!r}; {nearest(self.name, names)}")
        told = int((chosen or {}).get("max_model_len") or 0)
        if not (self._context or told):
            raise UsageError(
                f"{self.settings.base_url} does not tell how long the context of {self.name!r} is; set it: "
                "answer.chat.context_tokens=8192, or as many tokens as the model was made for"
            )
        self._context = self._context or told

    async def _chunks(self, stream: Any) -> AsyncGenerator[Any, None]:
        import httpx2  # a broken stream raises the errors of the HTTP library beneath openai
        import openai

        try:
            async with stream:
                async for chunk in stream:
                    yield chunk
        except (openai.APIError, httpx2.HTTPError) as error:
            raise EndpointError(self._broken(error)) from error

    def _broken(self, why: object) -> str:
        return f"the connection to {self.settings.base_url} broke in the middle of a reply: {why}; ask again"

    def _slot(self) -> "_Slot":
        if self._slots is None:
            self._slots = asyncio.Semaphore(self.in_flight)
        return _Slot(self, self._slots)

    async def _retrying(self, call: Callable[["AsyncOpenAI"], Awaitable[T]], *, slot: bool = True) -> T:
        """Send a request, again and again where that may help; see ``EndpointSettings.retry_s``."""
        if slot:
            async with self._slot():
                return await self._retrying(call, slot=False)
        client = self._open_client()
        import openai

        began, pause = time.monotonic(), 0.25
        while True:
            try:
                reply = await call(client)
            except openai.APIError as error:
                told = self._retry_after(error)
                patience = self.settings.retry_s if self._has_answered else min(FIRST_TRY_S, self.settings.retry_s)
                wait = max(told, pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads the retries
                if time.monotonic() - began + wait > patience:
                    raise EndpointError(explained(error, self.settings, self.name)) from error
                _log.info("%s: %s; trying again in %.1f s", self.settings.base_url, error, wait)
                self.n_retries += 1
                await asyncio.sleep(wait)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
            else:
                self._has_answered = True
                self.n_completed += 1
                return reply

    def _retry_after(self, error: "openai.APIError") -> float:
        """Seconds that the server asks to wait (0 where it does not say); raises where no retry can help."""
        import openai

        if isinstance(error, openai.APIStatusError):
            self._has_answered = True
            if error.status_code in {408, 409, 429} or error.status_code >= 500:
                value = error.response.headers.get("retry-after", "")
                return float(value) if value.replace(".", "", 1).isdigit() else 0.0
            raise EndpointError(explained(error, self.settings, self.name)) from error
        if isinstance(error, openai.APIConnectionError):  # time limits are among these
            return 0.0
        raise EndpointError(explained(error, self.settings, self.name)) from error

    def _open_client(self) -> "AsyncOpenAI":
        variable = self.settings.api_key_variable
        key = os.environ.get(variable, "") if variable else "none"
        if not key:
            raise UsageError(f"answer.chat.api_key_variable names ${variable}, which is not set")
        return _shared_client(os.getpid(), self.settings.base_url, key, self.settings.timeout_s)

    def _root(self, path: str) -> str:
        """The address of a route that lies beside ``/v1``."""
        return self.settings.base_url.rstrip("/").removesuffix("/v1") + "/" + path


@functools.cache
def _shared_client(_process: int, base_url: str, key: str, timeout_s: float) -> "AsyncOpenAI":
    """The one client for an endpoint in this process, which is kept for good.

    A client that is thrown away unclosed closes its connections whenever it is collected, and requests of others
    that are under way at that moment wait until their time limit: 33 of 780 did when this was measured.
    """
    try:
        from openai import AsyncOpenAI
    except ImportError as error:
        raise BackendError("the reader 'chat' needs the package openai: pip install 'ragqa[chat]'") from error
    return AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=timeout_s)


class _Slot:
    """One of the requests that may be under way at once."""

    def __init__(self, model: EndpointModel, slots: asyncio.Semaphore) -> None:
        self._model = model
        self._slots = slots

    async def __aenter__(self) -> None:
        await self._slots.acquire()
        self._model.n_under_way += 1
        self._model.most_under_way = max(self._model.most_under_way, self._model.n_under_way)

    async def __aexit__(self, *_: object) -> None:
        self._model.n_under_way -= 1
        self._slots.release()


def _plain(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]
