"""What OpenAI's routes take, as pydantic models: lenient about what came before, exact about what is asked now."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ragqa.answer.dialogue.turn import Turn
from ragqa.serve.models import STATINS, Closed, Filters, Name
from ragqa.types import QuestionType


def _mended(value: Any) -> Any:
    """Halves of surrogate pairs, which clients leave where they cut a text, become the sign for a lost one."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else value


Said = Annotated[str, BeforeValidator(_mended)]
_TEXT_PARTS = {"text", "input_text", "output_text"}


class ChatMessage(BaseModel):
    """A message of a conversation, as OpenAI's clients send it; other keys are passed over.

    ``content`` is text, or parts of which only those of text are read.
    """

    role: Annotated[Said, Field(max_length=50)]
    content: Said | list[Any] | None = None

    def text(self) -> str:
        """The words of the message."""
        if not isinstance(self.content, list):
            return self.content or ""
        return "\n".join(text for text in self._texts() if text)

    def other_parts(self) -> list[str]:
        """The types of the parts that are not text, for example ``image_url``."""
        parts = self.content if isinstance(self.content, list) else []
        return [kind for part in parts if (kind := _kind_of(part)) not in _TEXT_PARTS]

    def turn(self) -> Turn:
        """The message as what follows it is understood with."""
        return Turn("assistant" if self.role == "assistant" else "user", self.text())

    def _texts(self) -> Iterator[str]:
        for part in self.content if isinstance(self.content, list) else []:
            text = part if isinstance(part, str) else part.get("text") if isinstance(part, dict) else None
            if isinstance(text, str) and _kind_of(part) in _TEXT_PARTS:
                yield _mended(text)


def _kind_of(part: Any) -> str:
    if isinstance(part, str):
        return "text"
    kind = part.get("type") if isinstance(part, dict) else None
    return kind[:50] if isinstance(kind, str) else "unknown"


class StreamOptions(BaseModel):
    """What a stream carries besides the answer."""

    include_usage: bool | None = False


class RagqaOptions(Closed):
    """What OpenAI's protocol has no place for (``extra_body={"ragqa": {…}}`` in its Python client)."""

    type: QuestionType | None = None
    filter: Filters = Filters()


class Format(BaseModel):
    """The form of a reply: ``text``, or ``json_object`` for the whole answer as JSON.

    ``json_schema`` is taken from chat front-ends that ask for a title; any other is refused.
    """

    type: Annotated[str, Field(max_length=50)]


_Limit = Annotated[int, Field(ge=1)]


class ChatRequest(BaseModel):
    """A chat completion request; settings of sampling are accepted and have no effect."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model": "sample", "messages": [{"role": "user", "content": STATINS}]}]}
    )
    model: Name = Field(description="The name of an index.")
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: _Limit | None = None
    max_completion_tokens: _Limit | None = None
    stop: Said | Annotated[list[Said], Field(max_length=4)] | None = None
    n: int | None = 1
    response_format: Format | None = None
    tools: list[dict[str, Any]] | None = None
    functions: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    function_call: str | dict[str, Any] | None = None
    web_search_options: dict[str, Any] | None = None
    logprobs: bool | None = None
    modalities: list[Any] | None = None
    ragqa: RagqaOptions = RagqaOptions()


class TextSettings(BaseModel):
    """The form of a response's text."""

    format: Format | None = None


class ResponsesRequest(BaseModel):
    """A request for a response; settings of sampling are accepted and have no effect, and nothing is stored."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"model": "sample", "input": STATINS}]})
    model: Name = Field(description="The name of an index.")
    input: Said | Annotated[list[dict[str, Any]], Field(min_length=1)]
    instructions: Said | None = None
    stream: bool | None = False
    max_output_tokens: _Limit | None = None
    text: TextSettings | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    previous_response_id: str | None = None
    conversation: str | dict[str, Any] | None = None
    prompt: dict[str, Any] | None = None
    background: bool | None = None
    include: list[Said] | None = None
    top_logprobs: int | None = None
    metadata: dict[Said, Said] | None = None
    ragqa: RagqaOptions = RagqaOptions()

    def messages(self) -> list[ChatMessage]:
        """The input as messages; items of other kinds (calls of tools, reasoning) are passed over."""
        if isinstance(self.input, str):
            return [ChatMessage(role="user", content=self.input)]
        items = [item for item in self.input if item.get("type", "message") == "message"]
        return [
            ChatMessage(role=str(item.get("role", "user"))[:50], content=_content_of(item.get("content")))
            for item in items
        ]


def _content_of(value: Any) -> str | list[Any] | None:
    return value if isinstance(value, str | list) else None


class EmbeddingsRequest(BaseModel):
    """Texts to encode with the encoder of an index."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"model": "sample", "input": ["statins in atrial fibrillation"]}]}
    )
    model: Name = Field(description="The name of an index with a dense part.")
    input: Said | Annotated[list[Any], Field(min_length=1)] = Field(description="A text, or a list of texts.")
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: int | None = None
    input_type: Literal["passage", "query"] = Field(
        "passage", description="What the texts are: some encoders encode questions otherwise than documents."
    )
