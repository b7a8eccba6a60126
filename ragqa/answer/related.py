"""Questions that the articles found for a question ask: their titles, where those are questions or tell one."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ragqa.corpus.text import one_line, title_of
from ragqa.corpus.words import content_stems
from ragqa.types import Document

_ABOUT = re.compile(
    r"(?i)^(?:the )?(?P<what>effects?|impact|influence|role|efficacy|effectiveness|safety|efficacy and safety|"
    r"association|relationship|relation|prevalence|incidence)"
    r" (?P<of>of|between) (?P<rest>.+)$"
)
_MANY = frozenset({"effects", "efficacy and safety"})
_FEWEST_WORDS, _MOST_CHARACTERS = 4, 200


@dataclass(frozen=True, slots=True)
class RelatedQuestion:
    """A question, and the article whose title asks it."""

    question: str
    document_id: str


def as_question(title: str) -> str:
    """The question that a title is or tells; "" where it is none.

    A title that names what was studied ("Effect of … on …") becomes a question; what stands behind a colon, the kind
    of study as a rule, is left out.

    >>> as_question("Do statins prevent atrial fibrillation?")
    'Do statins prevent atrial fibrillation?'
    >>> as_question("Effects of exercise on blood pressure: a randomized trial.")
    'What are the effects of exercise on blood pressure?'
    >>> as_question("A case of gout.")
    ''
    """
    text = one_line(title).strip("[] .")
    if not len(text) <= _MOST_CHARACTERS or len(text.split()) < _FEWEST_WORDS:
        return ""
    if text.endswith("?"):
        return text
    found = _ABOUT.match(text.partition(": ")[0].rstrip(" ."))
    if found is None or "?" in found["rest"]:
        return ""
    what = found["what"].lower()
    return f"What {'are' if what in _MANY else 'is'} the {what} {found['of']} {found['rest']}?"


def related(question: str, documents: Iterable[Document], n: int) -> tuple[RelatedQuestion, ...]:
    """The first ``n`` questions that the titles of documents ask; not ``question`` itself, and none twice.

    Each shares two words of content with the question, or its only one: what is nearest need not be near.
    """
    wanted = _key(question)
    asked = {wanted}
    found = list[RelatedQuestion]()
    for document in documents:
        text = as_question(title_of(document))
        key = _key(text)
        if not text or document.retracted or key in asked or len(key & wanted) < min(2, len(wanted)):
            continue
        asked.add(key)
        found.append(RelatedQuestion(text, document.id))
        if len(found) == n:
            break
    return tuple(found)


def _key(question: str) -> frozenset[str]:
    return frozenset(content_stems(question))
