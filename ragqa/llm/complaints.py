"""What an endpoint complains of, in words that tell what to do."""

from typing import Any

from ragqa.recipe import EndpointSettings

_BAD_KEY = {401, 403}
_REFUSALS = {400, 404, 422}


def explained(error: Exception, settings: EndpointSettings, model: str) -> str:
    """An error of the client as a sentence that tells what to do.

    Parameters
    ----------
    error
        What the package openai raised.
    model
        The name of the model that was asked.
    """
    import openai

    if isinstance(error, openai.APITimeoutError):
        return (
            f"{settings.base_url} did not reply within answer.chat.timeout_s = {settings.timeout_s:g} s; "
            "it hangs or is overloaded: look at its log, or raise the limit"
        )
    if isinstance(error, openai.APIConnectionError):
        return (
            f"nothing answers at {settings.base_url} ({error.__cause__ or error}); start the server "
            "(make vllm MODEL=…) or correct answer.chat.base_url"
        )
    if isinstance(error, openai.APIStatusError):
        return _of_status(error.status_code, _message_of(error), settings, model)
    return f"{settings.base_url} answers with something unusable: {error}"


def _of_status(status: int, said: str, settings: EndpointSettings, model: str) -> str:
    if status in _BAD_KEY:
        where = f"in ${settings.api_key_variable}" if settings.api_key_variable else "(none was sent)"
        return f"{settings.base_url} refuses the key {where}: {said}; set answer.chat.api_key_variable"
    if status == 404 and "model" not in said:
        return f"{settings.base_url} has no such route; answer.chat.base_url usually ends with /v1"
    if status in _REFUSALS:
        return (
            f"{settings.base_url} refuses the request: {said}; correct answer.chat (model {model!r}, "
            f"structured_output = {settings.structured_output!r}, max_tokens, context_tokens)"
        )
    return f"{settings.base_url} answers with status {status}: {said}; look at its log"


def _message_of(error: Any) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    message = body.get("message") or (body.get("error") or {}).get("message") or error.message
    return str(message).strip().rstrip(".")[:500]
