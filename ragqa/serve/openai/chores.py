"""What chat front-ends ask beside the conversation (titles, tags, search queries): recognised, and answered by rule.

The wordings are those of Open WebUI (the templates of its ``config.py``) and LibreChat (``titlePrompts.js``, and
``title.ts`` of its agents). No article is looked for, and nothing is asked of a generator.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ragqa.answer.dialogue.turn import Turn
from ragqa.answer.dialogue.understand import understand
from ragqa.answer.terms import weight
from ragqa.corpus.words import STOPWORDS, stem
from ragqa.serve.openai.conversation import LONGEST_TURN
from ragqa.serve.openai.requests import ChatMessage

_MOST_TITLE_WORDS = 5
_LONGEST = 500_000
"""Characters beyond which no prompt of a front-end is looked for."""
_HISTORY = ("<chat_history>", "</chat_history>")
_ASKED_JSON = re.compile(r"\"(title|tags|follow_ups|queries|prompt|text)\"\s*:")
_LIBRECHAT_TITLE = re.compile(
    r"\A\s*(?:Provide a concise, 5-word-or-less title for the conversation"
    r"|Analyze this conversation and provide:\s+1\. The detected language"
    r"|Please generate a concise title \(max 40 characters\) for a conversation"
    r"|Write a concise title for this conversation in the given language"
    r"|In this environment you have access to a set of tools you can use to generate the conversation title)",
)
_ANY_TITLE = re.compile(
    r"\A\s*(?:please )?(?:generate|write|create|provide|give|suggest)\b[^.?!\n]{0,80}\btitle\b[^.?!\n]{0,40}"
    r"\b(?:of|for)\b[^.?!\n]{0,20}\b(?:conversation|chat|dialogue)\b",
    re.IGNORECASE,
)
_LANGUAGE = "Detect the language used in the following text."
_EMOJI = "Your task is to reflect the speaker's likely facial expression"
_TOOLS = re.compile(r"\A\s*Available Tools:.*\"tool_calls\"", re.S)
_SPEAKER = re.compile(r"^[^\w\n]{0,5}(?P<who>user|human|assistant|ai)[ *]{0,3}:", re.IGNORECASE | re.MULTILINE)
_WORD = re.compile(r"[^\W_][\w'’-]*[^\W_]|[^\W_]")


@dataclass(frozen=True, slots=True)
class Chore:
    """A recognised request: which it is, the reply as text, and, for a title, the title alone."""

    kind: str
    text: str
    title: str = ""


def chore_of(messages: Sequence[ChatMessage]) -> Chore | None:
    """What a front-end asks of the conversation, with its reply; None for anything that a person may have written."""
    users = [message.text() for message in messages if message.role == "user"]
    systems = [message.text() for message in messages if message.role in {"system", "developer"}]
    last = users[-1] if users else ""
    whole = "\n".join([*systems, last])
    if len(last) > _LONGEST or len(whole) > 2 * _LONGEST:
        return None
    if (history := _history_in(last)) is not None and (asked := _ASKED_JSON.search(last)):
        return _of_open_webui(asked[1], _questions(history))
    if any(pattern.match(text) for pattern in (_LIBRECHAT_TITLE, _ANY_TITLE) for text in (*systems[:1], last)):
        title = title_of(_questions(whole)[:1] or users[:-1][:1])
        return Chore("title", f"<title>{title}</title>" if "submit_title" in whole else title, title)
    return _fixed(whole.lstrip(), last.lstrip())


def _fixed(whole: str, last: str) -> Chore | None:
    """What has the same reply whatever was said."""
    if _TOOLS.match(whole):
        return Chore("tools", json.dumps({"tool_calls": []}))
    if last.startswith(_EMOJI):
        return Chore("emoji", "🙂")
    return Chore("language", "English") if whole.startswith(_LANGUAGE) else None


def title_of(questions: Sequence[str]) -> str:
    """A title of at most five words from the first question.

    >>> title_of(["Do preoperative statins reduce atrial fibrillation after bypass grafting?"])
    'Preoperative Statins Reduce Atrial Fibrillation'
    """
    telling = [word for word in _WORD.findall(questions[0] if questions else "") if word.lower() not in STOPWORDS]
    return " ".join(word[:1].upper() + word[1:] for word in telling[:_MOST_TITLE_WORDS])[:80] or "Question"


def tags_of(questions: Sequence[str]) -> list[str]:
    """Three tags: the field, and the two words that tell most of what the questions are about."""
    words = {word.lower() for text in questions for word in _WORD.findall(text) if word.lower() not in STOPWORDS}
    best = sorted((word for word in words if len(word) > 3), key=lambda word: (-weight(stem(word)), word))
    return ["Health", *(word.capitalize() for word in best[:2])]


def _of_open_webui(key: str, questions: Sequence[str]) -> Chore:
    title = title_of(questions)
    values: dict[str, Callable[[], object]] = {
        "title": lambda: title,
        "tags": lambda: tags_of(questions),
        "follow_ups": lambda: [],  # suggestions that no article was looked up for would lead nowhere
        "queries": lambda: [_completed(questions)] if questions else [],
        "prompt": lambda: questions[-1] if questions else "",
        "text": lambda: "",
    }
    return Chore(key, json.dumps({key: values[key]()}, ensure_ascii=False), title if key == "title" else "")


def _completed(questions: Sequence[str]) -> str:
    """The last question with what it leaves out of those before it."""
    read = understand(questions[-1], [Turn("user", text) for text in questions[:-1]])
    return read.question or questions[-1]


def _history_in(text: str) -> str | None:
    """What stands between the first mark that opens a history and the last that closes one; None where nothing does."""
    opens, closes = _HISTORY
    begin, end = text.find(opens), text.rfind(closes)
    return text[begin + len(opens) : end] if 0 <= begin < end else None


def _questions(conversation: str) -> list[str]:
    """What the user said in a conversation that is written out, ``USER: …`` or ``User: …`` before each message.

    Of each message the first line is taken, as far as a message of a conversation is read.
    """
    marks = list(_SPEAKER.finditer(conversation))
    ends = [*(mark.start() for mark in marks), len(conversation)][1:]
    said = [
        conversation[mark.end() : end].strip()
        for mark, end in zip(marks, ends, strict=True)
        if mark["who"].lower() in {"user", "human"}
    ]
    return [text.partition("\n")[0][:LONGEST_TURN] for text in said if text]
