"""Evidence Inference: intervention, comparator, outcome → direction, and the same prompts asked in both directions."""

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from examples import DECREASE, INCREASE, NO, NO_DIFFERENCE, NOTHING, SAYS_NOTHING, YES, Example, Pool
from texts import overlap, read_lines, sentences_of, silent, window, words_of
from wording import directed_query, neutral_query, swapped, undone

_DIRECTION = {
    "significantly increased": INCREASE, "significantly decreased": DECREASE, "no significant difference": NO_DIFFERENCE
}  # fmt: skip
_TURNED = {INCREASE: DECREASE, DECREASE: INCREASE, NO_DIFFERENCE: NO_DIFFERENCE}


def load_evidence_inference(folder: Path, split: str) -> list[dict[str, Any]]:
    """The prompts of a split, each with the sentences of its abstract and which of them are evidence."""
    abstracts = {row["pmcid"]: row for row in read_lines(folder / "abstracts.jsonl.gz")}
    prompts = []
    for row in read_lines(folder / f"prompts-{split}.jsonl"):
        abstract = abstracts.get(row["pmcid"], {"sections": [], "title": ""})  # a few have none
        sentences = [sentence for section in abstract["sections"] for sentence in sentences_of(section["text"])]
        keep = [
            place
            for place, sentence in enumerate(sentences)
            if any(
                item["in_abstract"]
                and (sentence in item["text"] or item["text"] in sentence or overlap(sentence, item["text"]) > 0.85)
                for item in row["evidence"]
            )
        ]
        if not row["evidence"]:
            continue
        prompts.append(row | {"sentences": sentences, "keep": keep, "title": abstract["title"]})
    return prompts


def evidence_inference(prompts: Sequence[dict[str, Any]], chance: random.Random) -> list[Pool]:
    """Direction of effects; and the same prompts as questions and claims of both directions."""
    neutral, stance, relevance = (
        Pool("evidence-inference.direction", 0.36),
        Pool("evidence-inference.stance", 0.10),
        Pool("evidence-inference.relevance", 0.02),
    )
    titles = [(prompt["pmcid"], prompt) for prompt in prompts if prompt["keep"]]
    for prompt in prompts:
        label = _DIRECTION[prompt["label"]]
        rounds = 2 if label == NO_DIFFERENCE else 4
        for turn in range(rounds):
            neutral.add(_direction_example(prompt, label, turn, chance))
        neutral.add(_silent_example(prompt, titles, chance))
        stance.groups.extend([(example,) for example in _stance_examples(prompt, label, chance)])
        if prompt["keep"]:
            query = neutral_query(prompt["intervention"], prompt["comparator"], prompt["outcome"], chance)
            others = chance.sample(titles, 3)
            group = [_abstract_example(query, prompt, chance, 1)]
            group += [_abstract_example(query, other, chance, 0) for key, other in others if key != prompt["pmcid"]]
            relevance.add(*group)
    return [neutral, stance, relevance]


def _abstract_example(query: str, prompt: dict[str, Any], chance: random.Random, relevance: int) -> Example:
    places = window(prompt["sentences"], prompt["keep"], chance)
    return Example(query, tuple(prompt["sentences"][place] for place in places), relevance=relevance)


def _evidence_passage(prompt: dict[str, Any], chance: random.Random) -> tuple[list[str], list[int]]:
    """Sentences, and which of them are evidence: part of the abstract, or the annotators' text alone."""
    if prompt["keep"] and chance.random() < 0.75:
        places = window(prompt["sentences"], prompt["keep"], chance)
        return [prompt["sentences"][place] for place in places], [int(place in prompt["keep"]) for place in places]
    sentences = sentences_of(chance.choice(prompt["evidence"])["text"])[:4]
    return sentences, [1] * len(sentences) if len(sentences) == 1 else [-1] * len(sentences)


def _direction_example(prompt: dict[str, Any], label: int, turn: int, chance: random.Random) -> Example:
    sentences, evidence = _evidence_passage(prompt, chance)
    intervention, comparator = prompt["intervention"], prompt["comparator"]
    if turn % 2 and label != NO_DIFFERENCE and chance.random() < 0.5:
        turned = [swapped(sentence) if flag else sentence for sentence, flag in zip(sentences, evidence, strict=True)]
        if all(turned) and all(flag >= 0 for flag in evidence):
            sentences, label = [sentence or "" for sentence in turned], _TURNED[label]
    elif turn % 2 and label != NO_DIFFERENCE and 1 in evidence and all(flag >= 0 for flag in evidence):
        turned = [undone(sentence) if flag else sentence for sentence, flag in zip(sentences, evidence, strict=True)]
        if all(turned):
            sentences, label = [sentence or "" for sentence in turned], NO_DIFFERENCE
    query = neutral_query(intervention, comparator, prompt["outcome"], chance)
    if comparator and comparator.lower() not in {"control", "placebo", "baseline"} and chance.random() < 0.25:
        query = neutral_query(comparator, intervention, prompt["outcome"], chance)
        if comparator.split()[0] in query and intervention in query:
            label = _TURNED[label]
        else:
            query = neutral_query(intervention, comparator, prompt["outcome"], chance)
    direction = [label if flag == 1 else SAYS_NOTHING | label for flag in evidence]
    return Example(
        query, tuple(sentences), tuple(evidence), direction=tuple(direction), direction_of_all=label, relevance=1
    )


def _silent_example(prompt: dict[str, Any], others: list[tuple[str, dict[str, Any]]], chance: random.Random) -> Example:
    """A passage that says nothing of the outcome: aims and methods of the abstract, or another trial's findings."""
    query = neutral_query(prompt["intervention"], prompt["comparator"], prompt["outcome"], chance)
    kind = chance.random()
    if kind < 0.4 and prompt["keep"] and min(prompt["keep"]) >= 2:
        places = list(range(min(prompt["keep"])))[: chance.randint(1, 3)]
        sentences = [prompt["sentences"][place] for place in places]
        wanted = words_of(prompt["outcome"])
        if (
            not any(re.search(r"\d ?%|p ?[<=]|significant", sentence, re.IGNORECASE) for sentence in sentences)
            and wanted
        ):
            return silent(query, sentences)
    key, other = chance.choice(others)
    while key == prompt["pmcid"]:
        key, other = chance.choice(others)
    sentences, _ = _evidence_passage(other, chance)
    if kind > 0.8:
        query = neutral_query(prompt["intervention"], prompt["comparator"], other["outcome"], chance)
    return silent(query, sentences)


def _stance_examples(prompt: dict[str, Any], label: int, chance: random.Random) -> Iterator[Example]:
    """Both directions asked: as often yes as no, in the same wordings."""
    asked = ("increase", "decrease")
    if label == NO_DIFFERENCE:
        if chance.random() < 0.35:
            yield _directed(prompt, chance.choice(asked), NO, chance)
        return
    told = "increase" if label == INCREASE else "decrease"
    yield _directed(prompt, told, YES, chance)
    yield _directed(prompt, asked[told == "increase"], NO, chance)


def _directed(prompt: dict[str, Any], asked: str, stance: int, chance: random.Random) -> Example:
    sentences, evidence = _evidence_passage(prompt, chance)
    query = directed_query(prompt["intervention"], prompt["comparator"], prompt["outcome"], asked, chance)
    each = tuple(stance if flag == 1 else stance | NOTHING for flag in evidence)
    return Example(query, tuple(sentences), tuple(evidence), stance=each, stance_of_all=stance, relevance=1)
