"""All routes of OpenAI's clients."""

from fastapi import APIRouter

from ragqa.serve.metrics import Metrics
from ragqa.serve.openai import completions, embeddings, responses
from ragqa.serve.openai.talk import Talk
from ragqa.serve.service import Service
from ragqa.serve.settings import ServeSettings


def router(service: Service, metrics: Metrics, settings: ServeSettings) -> APIRouter:
    """The routes over an opened service."""
    talk = Talk(service, metrics, settings)
    routes = APIRouter()
    for part in (completions.router(service, talk), responses.router(talk), embeddings.router(service)):
        routes.include_router(part)
    return routes
