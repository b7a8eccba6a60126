"""What a client wishes of the form of a reply: honoured where ragqa can, refused in words where it cannot."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ragqa.errors import UsageError
from ragqa.serve.openai.requests import ChatRequest, Format, ResponsesRequest

Finish = Literal["stop", "length", "tool_calls"]
_CHARACTERS_PER_TOKEN = 3.5
"""As :mod:`ragqa.llm.endpoint` estimates where no tokenizer is known."""
_NO_TOOLS = "Tools were offered, but ragqa calls none: it answers from its index."
_NO_WEB = "A search of the web was offered, but ragqa makes none: it answers from its index."


@dataclass(frozen=True, slots=True)
class Shape:
    """The form of a reply.

    Attributes
    ----------
    max_tokens
        Tokens at most, as :func:`n_tokens` counts them; None for no limit.
    stop
        The reply ends before the first of these.
    as_json
        The whole answer as JSON instead of text.
    note
        Told at the end of the text; "" for nothing.
    """

    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    as_json: bool = False
    note: str = ""

    @property
    def is_free(self) -> bool:
        """Whether the text may be sent as it is written: nothing could end it early."""
        return self.max_tokens is None and not self.stop and not self.as_json

    def cut(self, text: str) -> tuple[str, Finish]:
        """The text as far as it may go, and why it ends.

        >>> Shape(max_tokens=4).cut("Statins reduce atrial fibrillation.")
        ('Statins reduce', 'length')
        >>> Shape(stop=("atrial",)).cut("Statins reduce atrial fibrillation.")
        ('Statins reduce ', 'stop')
        """
        places = [place for sign in self.stop if sign and (place := text.find(sign)) >= 0]
        if places:
            text = text[: min(places)]
        if self.max_tokens is None or n_tokens(text) <= self.max_tokens:
            return text, "stop"
        room = math.floor(self.max_tokens * _CHARACTERS_PER_TOKEN)
        whole_words = text[: room + 1].rpartition(" ")[0]
        return whole_words or text[:room], "length"


def n_tokens(text: str) -> int:
    """Tokens of a text, estimated at 3.5 characters a token: no tokenizer of a model takes part.

    >>> n_tokens("statins"), n_tokens("")
    (2, 0)
    """
    return math.ceil(len(text) / _CHARACTERS_PER_TOKEN)


def shape_of_completion(body: ChatRequest) -> Shape:
    """The form that a chat completion asks for.

    Raises
    ------
    UsageError
        It asks for what ragqa cannot give.
    """
    if body.n is not None and body.n != 1:
        raise UsageError(f"n is {body.n}; ragqa gives one answer to a question: leave n out, or set it to 1")
    if body.logprobs:
        raise UsageError("logprobs is true, and ragqa's text has no log probabilities; leave it out")
    if others := [kind for kind in body.modalities or [] if kind != "text"]:
        raise UsageError(f"modalities has {str(others[0])[:50]!r}; ragqa writes text only: leave modalities out")
    note = _note(body.tools, body.tool_choice) or _note(body.functions, body.function_call)
    note = note or (_NO_WEB if body.web_search_options is not None else "")
    stop = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    limit = body.max_completion_tokens or body.max_tokens
    return Shape(limit, stop, _is_json(body.response_format, "response_format"), note)


def shape_of_response(body: ResponsesRequest) -> Shape:
    """The form that a response asks for; raises as :func:`shape_of_completion`."""
    if body.previous_response_id or body.conversation:
        raise UsageError("ragqa stores no responses or conversations; send the earlier messages in input")
    if body.prompt:
        raise UsageError("prompt names a template, and ragqa stores none; send the question in input")
    if body.top_logprobs or any("logprobs" in part for part in body.include or ()):
        raise UsageError(
            "log probabilities are asked for, and ragqa's text has none; leave top_logprobs and include out"
        )
    if body.background:
        raise UsageError("background is true, and ragqa answers at once only; leave it out")
    wished = body.text.format if body.text is not None else None
    return Shape(body.max_output_tokens, (), _is_json(wished, "text.format"), _note(body.tools, body.tool_choice))


def _note(tools: Sequence[Mapping[str, Any]] | None, choice: str | Mapping[str, Any] | None) -> str:
    """What is told of tools that need not be called.

    Raises
    ------
    UsageError
        One of them must be called.
    """
    if not tools or choice == "none":
        return ""
    if _demands_call(choice):
        raise UsageError(
            "a call of a tool is demanded, and ragqa calls none: it answers from its index; leave tool_choice out or "
            "set it to 'auto' or 'none'"
        )
    return _NO_TOOLS


def _demands_call(choice: str | Mapping[str, Any] | None) -> bool:
    """Whether a choice of tools leaves no answer without a call; a list of allowed ones may leave it to the model."""
    if not isinstance(choice, Mapping):
        return choice not in {None, "auto"}
    allowed = choice.get("allowed_tools", choice) if choice.get("type") == "allowed_tools" else {}
    return not isinstance(allowed, Mapping) or allowed.get("mode") != "auto"


def _is_json(wished: Format | None, name: str) -> bool:
    kind = wished.type if wished is not None else "text"
    if kind not in {"text", "json_object"}:
        raise UsageError(
            f"{name} is of type {kind!r}; ragqa gives 'text', or 'json_object': its whole answer, in the schema of "
            "services/answer.schema.json"
        )
    return kind == "json_object"
