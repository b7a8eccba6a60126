"""OpenAI's embeddings: texts as vectors, by the encoder of an index."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from fastapi import APIRouter, Request
from starlette.responses import Response

from ragqa.errors import UsageError
from ragqa.serve.api import json_response
from ragqa.serve.disconnect import unless_gone
from ragqa.serve.openai.objects import EmbeddingList
from ragqa.serve.openai.requests import EmbeddingsRequest
from ragqa.serve.openai.shape import n_tokens
from ragqa.serve.problem import documented
from ragqa.serve.service import Service

MOST_TEXTS = 256
"""Texts in one request; each takes milliseconds of a thread."""
LONGEST_TEXT = 50_000


def router(service: Service) -> APIRouter:
    """The route ``/v1/embeddings``."""
    routes = APIRouter(tags=["OpenAI"])

    @routes.post(
        "/v1/embeddings",
        response_model=EmbeddingList,
        responses=documented(400, 401, 404, 408, 413, 422, 503, 504),
    )
    async def embed(request: Request, body: EmbeddingsRequest) -> Response:
        """Vectors of texts, float32, by the index's own encoder; an index without one says what to do."""
        texts = _texts(body.input)
        request.state.facts |= {"index": body.model[:100], "n_texts": len(texts)}
        work = service.embed(body.model, texts, as_queries=body.input_type == "query")
        vectors = await unless_gone(request, work)
        if body.dimensions is not None and body.dimensions != vectors.shape[1]:
            raise UsageError(
                f"dimensions is {body.dimensions}; the vectors of this index have {vectors.shape[1]}: leave it out"
            )
        n = sum(n_tokens(text) for text in texts)
        return json_response(
            {
                "object": "list",
                "model": body.model,
                "data": [
                    {"object": "embedding", "index": place, "embedding": _written(vector, body.encoding_format)}
                    for place, vector in enumerate(vectors)
                ],
                "usage": {"prompt_tokens": n, "total_tokens": n},
            }
        )

    return routes


def _texts(given: str | Sequence[Any]) -> list[str]:
    texts = [given] if isinstance(given, str) else list(given)
    if others := [text for text in texts if not isinstance(text, str)]:
        raise UsageError(
            f"input has a {type(others[0]).__name__} in it, and ragqa takes texts, not numbers of tokens; clients that "
            "send tokens have a setting for that (check_embedding_ctx_length=False in LangChain's OpenAIEmbeddings)"
        )
    if len(texts) > MOST_TEXTS:
        raise UsageError(f"input has {len(texts)} texts; send at most {MOST_TEXTS} at once")
    for place, text in enumerate(texts):
        if not text.strip() or len(text) > LONGEST_TEXT:
            raise UsageError(f"text {place} of input has {len(text):,} characters; 1 to {LONGEST_TEXT:,} are taken")
    return texts


def _written(vector: np.ndarray, encoding: str | None) -> list[float] | str:
    if encoding == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return [float(value) for value in vector]
