"""What chains hand to a runnable, read: strings, dictionaries and messages."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, get_args

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, convert_to_messages
from langchain_core.prompt_values import PromptValue
from pydantic import RootModel

from ragqa.answer.dialogue.turn import Turn
from ragqa.errors import UsageError
from ragqa.types import Question, QuestionType

QUESTION_KEYS = ("question", "input", "query", "text", "messages")
TEXT_KEYS = ("text", "input", "output", "answer", "question", "messages")
HISTORY_KEYS = ("chat_history", "history")

RunnableInput = str | Question | Mapping[str, Any] | BaseMessage | PromptValue | Sequence[Any]
"""What the runnables take. A sequence is a conversation: messages, or what LangChain makes messages of."""


class PlainInput(RootModel[str | dict[str, Any] | list[AnyMessage]]):
    """A text, a dictionary that holds one, or the messages of a conversation."""


class Asked(NamedTuple):
    """A question, and what was said before it."""

    question: Question
    earlier: tuple[Turn, ...] = ()


def asked_of(given: RunnableInput) -> Asked:
    """The question in what a chain hands over: of a conversation the last message of the user.

    A dictionary has it as ``question``, ``input``, ``query``, ``text`` or ``messages``, may have ``type`` and ``id`` of
    the question, and the messages before it as ``chat_history`` or ``history``; other keys are passed over.

    Raises
    ------
    UsageError
        There is no question in it, or its type is none.
    """
    if isinstance(given, Question):
        return Asked(given)
    if isinstance(given, Mapping):
        question, earlier = asked_of(_value(given, QUESTION_KEYS))
        before = next((given[key] for key in HISTORY_KEYS if given.get(key)), ())
        kind = given.get("type", question.type)
        if kind is not None and kind not in get_args(QuestionType):
            raise UsageError(f"type is {kind!r}; a question is one of {', '.join(get_args(QuestionType))}")
        return Asked(Question(question.text, str(given.get("id") or question.id), kind), (*_turns(before), *earlier))
    turns = _turns(given)
    last = max((place for place, turn in enumerate(turns) if turn.role == "user"), default=-1)
    if last < 0:
        raise UsageError("no message of a user is among the messages; the last one is the question")
    return Asked(Question(turns[last].text), tuple(turns[:last]))


def text_of(given: RunnableInput) -> str:
    """The text in what a chain hands over: of a conversation the last message, whoever wrote it.

    A dictionary has it as ``text``, ``input``, ``output``, ``answer``, ``question`` or ``messages``.

    Raises
    ------
    UsageError
        There is no text in it.
    """
    if isinstance(given, Question):
        return given.text
    if isinstance(given, Mapping):
        return text_of(_value(given, TEXT_KEYS))
    turns = _turns(given)
    if not turns:
        raise UsageError("no message of a user or a model is among the messages; the last one is checked")
    return turns[-1].text


def _value(given: Mapping[str, Any], keys: Sequence[str]) -> Any:
    for key in keys:
        if key in given:
            return given[key]
    has = ", ".join(repr(str(key))[:40] for key in list(given)[:10]) or "none"
    raise UsageError(f"the dictionary has no text for ragqa: its keys are {has}; give it as {keys[0]!r}")


def _turns(given: Any) -> list[Turn]:
    """The texts of users and models in a message, a prompt or a conversation."""
    turns = list[Turn]()
    for message in _messages(given):
        if isinstance(message, HumanMessage):
            turns.append(Turn("user", str(message.text)))
        elif isinstance(message, AIMessage) and str(message.text):
            turns.append(Turn("assistant", str(message.text)))
    return turns


def _messages(given: Any) -> list[BaseMessage]:
    if isinstance(given, str):
        return [HumanMessage(given)]
    if isinstance(given, BaseMessage):
        return [given]
    if isinstance(given, PromptValue):
        return given.to_messages()
    try:
        return convert_to_messages(given)
    except (ValueError, TypeError, NotImplementedError, AttributeError, KeyError) as error:
        kind = type(given).__name__
        raise UsageError(
            f"ragqa cannot read a {kind} from a chain; hand over a string, a dictionary with 'question', or messages"
        ) from error
