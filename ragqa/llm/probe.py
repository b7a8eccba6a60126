"""What is wrong with an endpoint, if anything: asked step by step, each with what to do about it."""

from dataclasses import dataclass, replace

from ragqa.errors import RagqaError
from ragqa.llm import loop
from ragqa.llm.endpoint import EndpointModel
from ragqa.llm.model import Message, Request
from ragqa.recipe import EndpointSettings

_QUESTION = (Message("user", "Is water wet? Reply with one word: yes or no."),)
_SCHEMA = {
    "type": "object",
    "properties": {"wet": {"type": "boolean"}},
    "required": ["wet"],
    "additionalProperties": False,
}
_TIGHT_CONTEXT = 4096


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: its state (``ok``, ``missing`` or ``warning``), what was found, and the next step."""

    name: str
    state: str
    found: str
    to_do: str = ""


def probe(settings: EndpointSettings) -> list[Finding]:
    """Look at an endpoint: reachable, model served, context length, token counts, choices, probabilities, JSON.

    Nothing is tried twice. A step that fails ends the probe where the next ones depend on it.
    """
    return loop.run(_probe(replace(settings, retry_s=0.0)))


async def _probe(settings: EndpointSettings) -> list[Finding]:
    model = EndpointModel(settings)
    findings: list[Finding] = []
    try:
        served = [str(entry["id"]) for entry in await model.models()]
        findings.append(Finding("endpoint", "ok", f"{settings.base_url} serves {', '.join(served) or 'no model'}"))
        if settings.model and settings.model not in served:
            to_do = f"set answer.chat.model to one of: {', '.join(served)}"
            return [*findings, Finding("endpoint model", "missing", f"{settings.model!r} is not served", to_do)]
        findings.append(await _context(model))
        findings.append(await _tokens(model))
        findings += await _choice(model, settings)
        findings.append(await _json(model, settings))
    except RagqaError as error:
        name = "endpoint request" if findings else "endpoint"
        findings.append(Finding(name, "missing", str(error), "mend what the message names, and ask again"))
    finally:
        await model.close()
    return findings


async def _context(model: EndpointModel) -> Finding:
    length = await model.context_length()
    found = f"{length:,} tokens, of which {model.max_tokens:,} are kept for the reply"
    if length <= model.max_tokens:
        return Finding("endpoint context", "missing", found, "lower answer.chat.max_tokens, or serve a longer context")
    if length < _TIGHT_CONTEXT:
        return Finding("endpoint context", "warning", found, "serve the model with a longer context: sources get cut")
    return Finding("endpoint context", "ok", found)


async def _tokens(model: EndpointModel) -> Finding:
    n_tokens = await model.count_tokens(_QUESTION)
    if model.counts_exactly:
        return Finding("endpoint tokens", "ok", f"counted by the server ({n_tokens} for a short question)")
    to_do = "set answer.chat.context_tokens a little below the real length"
    return Finding("endpoint tokens", "warning", "the server has no /tokenize: they are estimated", to_do)


async def _choice(model: EndpointModel, settings: EndpointSettings) -> list[Finding]:
    completion = await model.complete(Request(_QUESTION, choices=("yes", "no"), max_tokens=16))
    kind = settings.structured_output
    if completion.text not in {"yes", "no"}:
        to_do = 'try answer.chat.structured_output = "json-schema", or serve the model with vLLM'
        return [Finding("endpoint choice", "warning", f"{kind}: replied {completion.text[:40]!r}", to_do)]
    findings = [Finding("endpoint choice", "ok", f"{kind}: replied {completion.text!r}")]
    if completion.choice_probabilities:
        told = ", ".join(f"{choice} {p:.2f}" for choice, p in completion.choice_probabilities.items())
        return [*findings, Finding("endpoint probabilities", "ok", told)]
    to_do = "verdicts have no probabilities; allow log probabilities on the server"
    return [*findings, Finding("endpoint probabilities", "warning", "the server gives no log probabilities", to_do)]


async def _json(model: EndpointModel, settings: EndpointSettings) -> Finding:
    import json

    completion = await model.complete(Request(_QUESTION, schema=_SCHEMA, max_tokens=64))
    try:
        held = isinstance(json.loads(completion.text).get("wet"), bool)
    except (ValueError, AttributeError):
        held = False
    if held:
        return Finding("endpoint JSON", "ok", f"{settings.structured_output}: held to the schema")
    to_do = "replies are read as far as they go; vLLM holds them to the form"
    return Finding("endpoint JSON", "warning", f"not held to the schema: {completion.text[:40]!r}", to_do)
