"""What a person gives to be watched – a question, a claim, a text, an answer – as an item."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from ragqa.answer import notices
from ragqa.answer.language import language_of
from ragqa.answer.question import question_type
from ragqa.check.text.blocks import Block, blocks_of, read_blocks
from ragqa.check.text.claims import claims_of
from ragqa.check.text.languages import refuse_foreign
from ragqa.check.types import Checked
from ragqa.corpus.text import one_line
from ragqa.decoding import from_json
from ragqa.engine import Engine, check_question
from ragqa.errors import SourceError, UsageError
from ragqa.types import Answer
from ragqa.watch import alerts, items, known
from ragqa.watch.ask import NO_ANSWER, Asker, cited_article
from ragqa.watch.screen import Screen
from ragqa.watch.types import Cited, Finding, Item, ItemKind

_MOST_TITLE = 200
_FILES = (".json", ".txt", ".text", ".md", ".markdown", ".html", ".htm", ".xhtml", ".docx", ".pdf")


def add(engine: Engine, given: str) -> Item:
    """Watch a question, a claim, or what is in a file; what is asked now is what later changes are told from.

    Parameters
    ----------
    given
        A path to an existing file, or the question or claim itself. A file is a text as ``ragqa check`` reads it, the
        JSON of a checked text (its claims and references), or the JSON of an answer: changes are then told since that
        answer was given, with the next run.

    Raises
    ------
    UsageError
        It is empty, in another language, the path of a file that is not there, or watched already.
    SourceError
        The file cannot be read, is in another language, or has nothing that could be watched.
    """
    return _added(engine, *_subject(engine, given))


def add_words(engine: Engine, text: str, owner: str, most: int) -> Item:
    """As :func:`add` for a question or a claim; whatever the text is, no file is read.

    ``owner`` is whom the item belongs to, who may have ``most``; one more is a UsageError.
    """
    items.check_room(owner, most)
    return _added(engine, *_of_words(text), owner=owner, most=most)


def _added(
    engine: Engine,
    kind: ItemKind,
    title: str,
    findings: tuple[Finding, ...],
    *,
    owner: str = "",
    most: int | None = None,
) -> Item:
    one_id = items.item_id(engine.index.folder.name, kind, findings, owner)
    if items.exists(one_id):
        raise UsageError(f"this is watched already, as {one_id}{'' if owner else '; see: ragqa watch list'}")
    state = ""
    if kind != "answer":
        findings = tuple(Asker(engine, Screen(engine)).ask(findings))
        state = engine.store.state_hash
        known.remember(engine.store)
    serial = alerts.last_serial(one_id)
    title = one_line(title)[:_MOST_TITLE]
    item = Item(one_id, engine.index.folder.name, kind, title, findings, state, serial=serial, owner=owner)
    return items.add(item, most)


def _subject(engine: Engine, given: str) -> tuple[ItemKind, str, tuple[Finding, ...]]:
    path = Path(given)
    if not _is_file(path):
        return _of_words(given)
    return _of_json(engine, path) if path.suffix == ".json" else _of_text(read_blocks(path), path.name)


def _is_file(path: Path) -> bool:
    """Whether there is such a file; a question too long for a name, or a folder that may not be entered, is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _of_words(given: str) -> tuple[ItemKind, str, tuple[Finding, ...]]:
    text = one_line(given)
    check_question(text)
    if _is_path(given):
        raise UsageError(f"there is no file {given}; check the path, or give a question or a sentence")
    if (language := language_of(text)) != "en":
        raise UsageError(notices.language(language).message)
    if _is_claim(text):
        return "claim", text, _of_text(blocks_of(text), text)[2]
    return "question", text, (Finding(text, "question"),)


def _is_path(given: str) -> bool:
    """Whether it is meant as a file: one word with a slash, or anything that ends as names of files do."""
    words = given.split()
    return (len(words) == 1 and ("/" in given or "\\" in given)) or words[-1].lower().endswith(_FILES)


def _is_claim(text: str) -> bool:
    """Whether a text says something rather than asks: a sentence that ends as one, of which there is a claim."""
    return not text.endswith("?") and text.endswith(".") and bool(claims_of([Block(text)])[0])


def _of_text(blocks: Sequence[Block], name: str) -> tuple[ItemKind, str, tuple[Finding, ...]]:
    refuse_foreign(blocks, name)
    claims = claims_of(blocks)[0]
    if not claims:
        raise SourceError(f"{name} has no claim that could be watched; give a text that says what is the case")
    return "text", name, tuple(Finding(claim.read, "claim") for claim in claims)


def _of_json(engine: Engine, path: Path) -> tuple[ItemKind, str, tuple[Finding, ...]]:
    try:
        content = path.read_bytes()
        if b'"claims"' in content and b'"blocks"' in content:
            return _of_checked(from_json(content, Checked), path.name)
        return _of_answer(engine, from_json(content, Answer))
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}; check the path") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path} is neither an answer nor a checked text ({error}); write one with: ragqa ask QUESTION --json"
        ) from error


def _of_checked(checked: Checked, name: str) -> tuple[ItemKind, str, tuple[Finding, ...]]:
    findings = [Finding(claim.read, "claim") for claim in checked.claims]
    titles = {one.document_id: one.title for one in checked.references if one.document_id}
    if titles:
        # One that the corpus lacks today is watched, too: it may come, and be retracted.
        cited = tuple(Cited(one, title, deleted=True) for one, title in titles.items())
        findings.append(Finding(name, "references", cited=cited))
    if not findings:
        raise SourceError(f"{name} has neither claims nor references; check a text that says what is the case")
    return "text", name, tuple(findings)


def _of_answer(engine: Engine, answer: Answer) -> tuple[ItemKind, str, tuple[Finding, ...]]:
    """The answer as it was given; of its articles, corrections that are known today are not news."""
    check_question(answer.question.text)
    cited = []
    for source in answer.sources:
        if source.cited:
            row = int(engine.store.find([source.document_id])[0])
            today = cited_article(engine.store.read([row])[0]) if row >= 0 else Cited(source.document_id)
            noted = {notice.kind for notice in answer.notices if notice.document_id == source.document_id}
            concern = "expression_of_concern" in noted
            cited.append(
                replace(
                    today,
                    title=source.title,
                    evidence_level=source.evidence_level,
                    retracted=source.retracted,
                    concern=concern,
                )
            )
    exact = answer.exact_answers if question_type(answer.question.text) == "factoid" else ()
    verdict = NO_ANSWER if answer.abstained else answer.verdict or (exact[0].text if exact else "")
    options = dict(answer.verdict_probabilities) or {one.text: one.score for one in exact}
    conflict = any(notice.kind == "conflicting" for notice in answer.notices)
    finding = Finding(answer.question.text, "question", verdict, options, tuple(cited), conflict)
    return "answer", answer.question.text, (finding,)
