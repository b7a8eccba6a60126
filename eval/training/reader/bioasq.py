"""BioASQ's gold questions with their snippets, passages and exact answers."""

import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from examples import NO, NOTHING, SAYS_NOTHING, YES, Example, Pool
from ranked import bioasq_passages, gold_passages
from texts import directions, sentences_of

from ragqa.answer.extractive.relation import masked
from ragqa.answer.opposite import opposed

TRAINING_YEARS = ("4B", "5B", "7B", "8B", "9B")


def load_bioasq(folder: Path, years: Sequence[str]) -> list[dict[str, Any]]:
    """The questions of some years, in order of the files."""
    questions = []
    for path in sorted(folder.glob("*_golden.json")):
        if path.name.startswith(tuple(years)):
            for question in json.loads(path.read_text(encoding="utf-8"))["questions"]:
                texts = [s["text"].strip() for s in question.get("snippets", ()) if len(s["text"].split()) >= 4]
                questions.append(question | {"texts": list(dict.fromkeys(texts)), "batch": path.name[:4].strip("_")})
    return questions


def bioasq_stance(questions: Sequence[dict[str, Any]], chance: random.Random) -> list[Pool]:
    """Yes/no questions with their snippets: as often yes as no, by turning questions and snippets around."""
    stance, direction = Pool("bioasq.stance", 0.18), Pool("bioasq.direction", 0.03)
    asked = [q for q in questions if q["type"] == "yesno" and q["texts"]]
    for question in asked:
        label = YES if str(question["exact_answer"]).lower().startswith("yes") else NO
        texts = question["texts"]
        chosen = chance.sample(texts, min(len(texts), 4 if label == YES else 8))
        for text in chosen:
            sentences = sentences_of(text)[:6]
            body = question["body"]
            each = (label,) if len(sentences) == 1 else (label | NOTHING,) * len(sentences)
            turned = opposed(body) if label == YES and chance.random() < 0.6 else None
            if turned:
                stance.add(
                    Example(
                        turned,
                        tuple(sentences),
                        stance=tuple(NO if e == YES else NO | NOTHING for e in each),
                        stance_of_all=NO,
                        relevance=1,
                    )
                )
            elif label == NO or chance.random() < 0.6:
                stance.add(Example(body, tuple(sentences), stance=each, stance_of_all=label, relevance=1))
            bits = directions(body, true=label == YES)
            if bits and (query := masked(body)):
                direction.add(
                    Example(
                        query,
                        tuple(sentences),
                        direction=(bits,) if len(sentences) == 1 else (bits | SAYS_NOTHING,) * len(sentences),
                        direction_of_all=bits,
                        relevance=1,
                    )
                )
        other = chance.choice(asked)
        if other is not question:
            sentences = sentences_of(chance.choice(other["texts"]))[:4]
            n = len(sentences)
            stance.add(
                Example(
                    question["body"],
                    tuple(sentences),
                    (0,) * n,
                    stance=(NOTHING,) * n,
                    stance_of_all=NOTHING,
                    relevance=0,
                )
            )
    return [stance, direction]


def bioasq_relevance(questions: Sequence[dict[str, Any]], folder: Path, chance: random.Random) -> Pool:
    """Each question with a passage of its gold documents and hard negatives: BM25's other hits."""
    pool = Pool("bioasq.relevance", 0.12)
    passages, gold = bioasq_passages(folder), gold_passages(folder)
    for question in questions:
        own = gold.get(question["id"])
        if not own:
            continue
        others = [key for key in passages.found(question["body"], 60) if key not in own]
        for positive in chance.sample(sorted(own), min(len(own), 3)):
            group = (positive, *chance.sample(others[:40], 4))
            pool.add(*(_passage(question["body"], passages.texts[key], int(key == positive)) for key in group))
    return pool


def _passage(query: str, text: str, relevance: int) -> Example:
    return Example(query, tuple(sentences_of(text)[:8]), relevance=relevance)


def bioasq_answers(questions: Sequence[dict[str, Any]], chance: random.Random) -> Pool:
    """Factoid and list questions with snippets, and where the exact answers stand in them."""
    pool = Pool("bioasq.answers", 0.22)
    for question in questions:
        if question["type"] not in {"factoid", "list"}:
            continue
        made = list(answer_examples(question, chance))
        for example in chance.sample(made, min(len(made), 6)):
            pool.add(example)
    return pool


def gold_answers(question: dict[str, Any]) -> list[list[str]]:
    """The groups of synonyms of a factoid or list question."""
    exact = question.get("exact_answer") or []
    groups = [exact] if isinstance(exact, str) else exact
    groups = [[group] if isinstance(group, str) else list(group) for group in groups]
    if question["type"] == "factoid":
        groups = [[text for group in groups for text in group]]
    return [[text.strip() for text in group if text.strip()] for group in groups]


def answer_examples(question: dict[str, Any], chance: random.Random) -> Iterator[Example]:
    """A snippet each, with the places of all answers; some without any."""
    names = [name for group in gold_answers(question) for name in group if 1 < len(name) < 80]
    pattern = "|".join(re.escape(name) for name in sorted(set(names), key=len, reverse=True))
    if not pattern:
        return
    for text in question["texts"]:
        sentences = sentences_of(text)[:6]
        answers = [
            (place, found.start(), found.end())
            for place, sentence in enumerate(sentences)
            for found in re.finditer(rf"(?<![\w]){'(?:' + pattern + ')'}(?![\w])", sentence, re.IGNORECASE)
        ]
        if answers or chance.random() < 0.15:
            yield Example(question["body"], tuple(sentences), answers=tuple(answers), relevance=1)
