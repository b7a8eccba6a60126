"""Short statements on trials' interventions and outcomes, affirmed and denied by many verbs: contrasts made by rule.

Abstracts deny few verbs, mostly "increase" and "reduce": what "did not prevent" says, or which of two outcomes of one
sentence is meant, has to be learned from statements made for it. They tell nothing of the trials' own findings.
"""

import random
from collections.abc import Sequence
from typing import Any

from examples import DECREASE, INCREASE, NO, NO_DIFFERENCE, SAYS_NOTHING, YES, Example, Pool
from texts import silent
from wording import neutral_query

_UP = (
    ("increase", "increases", "increased"),
    ("raise", "raises", "raised"),
    ("cause", "causes", "caused"),
    ("induce", "induces", "induced"),
    ("elevate", "elevates", "elevated"),
    ("promote", "promotes", "promoted"),
)
_DOWN = (
    ("reduce", "reduces", "reduced"),
    ("decrease", "decreases", "decreased"),
    ("lower", "lowers", "lowered"),
    ("prevent", "prevents", "prevented"),
    ("protect against", "protects against", "protected against"),
    ("suppress", "suppresses", "suppressed"),
)
_VERBS = {INCREASE: _UP, DECREASE: _DOWN}
_DENIED = ("did not", "does not", "did not significantly", "failed to", "was not shown to", "was unable to")
_WITHOUT = (
    "{i} had no effect on {o}",
    "{i} had no significant effect on {o}",
    "{o} did not differ between {i} and {c}",
    "{o} was similar with {i} and {c}",
    "no difference in {o} was found between {i} and {c}",
    "{o} was not higher with {i} than with {c}",
    "{o} was not lower with {i} than with {c}",
)
_COMPARED = {
    INCREASE: ("{o} was higher with {i} than with {c}", "{i} was associated with increased {o}", "more {o} with {i}"),
    DECREASE: ("{o} was lower with {i} than with {c}", "{i} was associated with reduced {o}", "less {o} with {i}"),
}
_JOINED = (" but ", ", but ", ", whereas ", ", and ")
_LABELS = (INCREASE, DECREASE, NO_DIFFERENCE)


def plain(prompts: Sequence[dict[str, Any]], chance: random.Random) -> list[Pool]:
    """A statement for each prompt of Evidence Inference that has an abstract, and what it says of the outcome."""
    direction, stance = Pool("plain.direction", 0.06), Pool("plain.stance", 0.04)
    for prompt in prompts:
        if not prompt["keep"]:
            continue
        other = chance.choice(prompts)
        differs = other["outcome"].lower() not in prompt["outcome"].lower()
        label = chance.choice(_LABELS)
        of_two = differs and chance.random() < 0.3
        sentence = _of_two(prompt, other, label, chance) if of_two else _one(prompt, label, chance)
        before = prompt["sentences"][: min(prompt["keep"])][: chance.randint(0, 2)]
        passage, flags = (*before, _written(sentence)), (*(0 for _ in before), 1)
        query = neutral_query(prompt["intervention"], prompt["comparator"], prompt["outcome"], chance)
        each = tuple(label if flag else SAYS_NOTHING for flag in flags)
        direction.add(Example(query, passage, flags, direction=each, direction_of_all=label, relevance=1))
        claim, says = _claim(prompt, label, chance)
        each = tuple(says if flag else 0 for flag in flags)
        stance.add(Example(claim, passage, flags, stance=each, stance_of_all=says, relevance=1))
        if differs and chance.random() < 0.2:
            away = _written(_one({**prompt, "outcome": other["outcome"]}, chance.choice(_LABELS), chance))
            direction.add(silent(query, [away]))
    return [direction, stance]


def _one(prompt: dict[str, Any], label: int, chance: random.Random) -> str:
    """A clause that says so of the prompt's outcome."""
    names = {
        "i": _inside(prompt["intervention"]), "o": _inside(prompt["outcome"]), "c": prompt["comparator"] or "control"
    }  # fmt: skip
    if label == NO_DIFFERENCE:
        if chance.random() < 0.4:
            return chance.choice(_WITHOUT).format(**names)
        base, _, _ = chance.choice((*_UP, *_DOWN))
        return f"{names['i']} {chance.choice(_DENIED)} {base} {names['o']}"
    if chance.random() < 0.3:
        return chance.choice(_COMPARED[label]).format(**names)
    _, present, past = chance.choice(_VERBS[label])
    return f"{names['i']} {chance.choice((present, past, f'significantly {past}'))} {names['o']}"


def _of_two(prompt: dict[str, Any], other: dict[str, Any], label: int, chance: random.Random) -> str:
    """A sentence that says so of the prompt's outcome, and something else of another one."""
    if chance.random() < 0.5:
        return _shortened(prompt, _inside(other["outcome"]), label, chance)
    clauses = [
        _one(prompt, label, chance),
        _one({**prompt, "outcome": other["outcome"]}, chance.choice([one for one in _LABELS if one != label]), chance),
    ]
    chance.shuffle(clauses)
    return chance.choice(_JOINED).join(clauses)


def _shortened(prompt: dict[str, Any], other: str, label: int, chance: random.Random) -> str:
    """Such a sentence whose second half leaves out what the first one says, as "reduced A but not B"."""
    intervention, outcome = _inside(prompt["intervention"]), _inside(prompt["outcome"])
    _, _, past = chance.choice(_VERBS.get(label, (*_UP, *_DOWN)))
    if label == NO_DIFFERENCE:
        return f"{intervention} {past} {other} but not {outcome}"
    if chance.random() < 0.5:
        return f"{intervention} {past} {outcome} but not {other}"
    base, _, _ = chance.choice((*_UP, *_DOWN))
    return f"{intervention} {chance.choice(_DENIED)} {base} {other} but {past} {outcome}"


def _claim(prompt: dict[str, Any], label: int, chance: random.Random) -> tuple[str, int]:
    """A question or claim on the outcome, and whether the label affirms it."""
    asked = chance.choice((INCREASE, DECREASE))
    base, present, past = chance.choice(_VERBS[asked])
    intervention, outcome = prompt["intervention"], _inside(prompt["outcome"])
    way = chance.randrange(4)
    if way == 0:
        return f"{intervention} does not {base} {outcome}.", NO if label == asked else YES
    text = (f"Does {intervention} {base} {outcome}?", f"{intervention} {present} {outcome}.",
            f"{intervention} {past} {outcome}.")[way - 1]  # fmt: skip
    return text, YES if label == asked else NO


def _inside(name: str) -> str:
    """A name as it is written within a sentence."""
    name = name.strip().rstrip(".")
    return name[0].lower() + name[1:] if len(name) > 1 and name[1].islower() else name


def _written(clause: str) -> str:
    return f"{clause[0].upper()}{clause[1:]}."
