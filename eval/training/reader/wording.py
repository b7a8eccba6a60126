"""Rewordings that turn a label around or keep it, so that no word alone gives the label away."""

import random
import re

_OPPOSITES = [
    ("increase", "decrease"), ("increases", "decreases"), ("increased", "decreased"), ("increasing", "decreasing"),
    ("higher", "lower"), ("highest", "lowest"), ("more", "less"), ("greater", "smaller"), ("longer", "shorter"),
    ("improve", "worsen"), ("improves", "worsens"), ("improved", "worsened"), ("improving", "worsening"),
    ("improvement", "worsening"), ("improvements", "deteriorations"), ("better", "worse"), ("best", "worst"),
    ("raise", "lower"), ("raises", "lowers"), ("raised", "lowered"), ("elevated", "reduced"), ("elevates", "reduces"),
    ("elevation", "reduction"), ("elevations", "reductions"), ("rise", "fall"), ("rises", "falls"), ("rose", "fell"),
    ("superior", "inferior"), ("faster", "slower"), ("earlier", "later"), ("enhance", "impair"),
    ("enhances", "impairs"), ("enhanced", "impaired"), ("enhancing", "impairing"), ("promote", "inhibit"),
    ("promotes", "inhibits"), ("promoted", "inhibited"), ("promoting", "inhibiting"), ("promotion", "inhibition"),
    ("activate", "suppress"), ("activates", "suppresses"), ("activated", "suppressed"), ("activation", "suppression"),
    ("upregulated", "downregulated"), ("upregulation", "downregulation"), ("upregulates", "downregulates"),
    ("up-regulated", "down-regulated"), ("up-regulation", "down-regulation"), ("induce", "prevent"),
    ("induces", "prevents"), ("cause", "prevent"), ("causes", "prevents"), ("gain", "loss"),
    ("positively", "negatively"), ("positive", "negative"), ("effective", "ineffective"), ("safe", "unsafe"),
    ("stronger", "weaker"), ("strengthen", "weaken"), ("strengthens", "weakens"), ("accelerate", "delay"),
    ("accelerates", "delays"), ("accelerated", "delayed"), ("larger", "smaller"), ("beneficial", "harmful"),
    ("sufficient", "insufficient"), ("likely", "unlikely"), ("grow", "shrink"), ("common", "rare"),
]  # fmt: skip
_ONE_WAY = {
    "reduce": "increase", "reduces": "increases", "reduced": "increased", "reducing": "increasing",
    "reduction": "increase", "reductions": "increases", "fewer": "more", "decline": "increase", "declined": "increased",
    "protect against": "cause", "protects against": "causes", "prevented": "caused", "diminished": "increased",
    "attenuates": "aggravates", "attenuated": "aggravated", "drop": "rise", "dropped": "rose",
    "deteriorated": "improved",
    "facilitates": "impairs", "stimulates": "inhibits", "stimulated": "inhibited", "blocks": "stimulates",
}  # fmt: skip
_SWAPS = {**dict(_OPPOSITES), **{b: a for a, b in reversed(_OPPOSITES)}, **_ONE_WAY}
_SWAP = re.compile(
    rf"(?<![\w-])({'|'.join(sorted(map(re.escape, _SWAPS), key=len, reverse=True))})(?![\w-])", re.IGNORECASE
)

_AUXILIARY = re.compile(
    r"\b(is|are|was|were|can|could|may|might|does|do|did|has|have|had|will|would|should)\b(?! (?:not|no)\b)(?!\w)",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"\b(is|are|was|were|can|could|does|do|did|has|have|had|will|would|should) not\b", re.IGNORECASE)
_PAST = re.compile(
    r"\b(significantly |markedly |substantially )?(increased|decreased|reduced|improved|lowered|prevented|enhanced"
    r"|worsened|prolonged)\b(?= (?:the |in |mean |serum |plasma |risk|mortality|\w+ ))"
)
_BASE = {"increased": "increase", "decreased": "decrease", "reduced": "reduce", "improved": "improve",
         "lowered": "lower",
         "prevented": "prevent", "enhanced": "enhance", "worsened": "worsen", "prolonged": "prolong"}  # fmt: skip
_PRESENT = re.compile(
    r"\b(increases|decreases|reduces|improves|prevents|enhances|inhibits|promotes|induces|causes|protects"
    r"|raises|lowers|affects|predicts|leads|results|plays|regulates|activates|requires|contributes|impairs)\b"
)


def swapped(text: str, n_most: int = 0) -> str | None:
    """The text with each word of direction turned into its opposite; None where it has none."""
    turned, n = _SWAP.subn(_opposite, text, count=n_most)
    return turned if n else None


def negated(text: str) -> str | None:
    """The statement denied, or a denied one affirmed; None where that cannot be done by rule."""
    if found := _NEGATED.search(text):
        return text[: found.end(1)] + text[found.end() :]
    if found := _PRESENT.search(text):
        verb = found[1]
        base = verb[:-2] if verb.endswith(("sses", "ches")) else verb[:-1]
        return f"{text[: found.start()]}does not {base}{text[found.end() :]}"
    if found := _AUXILIARY.search(text):
        return f"{text[: found.end()]} not{text[found.end() :]}"
    return None


def undone(text: str) -> str | None:
    """A reported effect turned into none; None where that cannot be done by rule."""
    if found := re.search(
        r"\b(was|were) (?:statistically |significantly |much |markedly )*"
        r"(higher|lower|greater|better|worse|longer|shorter|less|more|fewer|reduced|increased|decreased|improved|smaller)\b",
        text,
    ):
        return f"{text[: found.start()]}{found[1]} not significantly {found[2]}{text[found.end() :]}"
    if found := _PAST.search(text):
        before = text[: found.start()].rsplit(None, 1)
        if before and before[-1].lower() not in {
            "was",
            "were",
            "is",
            "are",
            "an",
            "a",
            "the",
            "with",
            "and",
            "had",
            "have",
            "has",
            "by",
            "be",
            "been",
            "of",
            "or",
            "for",
            "to",
        }:
            return f"{text[: found.start()]}did not significantly {_BASE[found[2]]}{text[found.end() :]}"
    if found := re.search(r"\b(is|are|was|were) (?:\w+ly )?(associated|correlated|related)\b", text):
        return f"{text[: found.start()]}{found[1]} not {found[2]}{text[found.end() :]}"
    return None


def with_other_number(text: str, chance: random.Random) -> str | None:
    """The text with one of its numbers changed; None where it has none."""
    found = list(re.finditer(r"(?<![\w.-])\d+(?:\.\d+)?(?= ?%|[ ,;.)-])(?![\w])", text))
    if not found:
        return None
    match = chance.choice(found)
    value = float(match[0])
    other = value * chance.choice((0.2, 0.35, 0.5, 1.8, 2.5, 4)) if value else 5.0
    shown = f"{other:.{len(match[0].partition('.')[2])}f}"
    return None if shown == match[0] else text[: match.start()] + shown + text[match.end() :]


def _opposite(match: re.Match[str]) -> str:
    word = _SWAPS[match[0].lower()]
    return word[0].upper() + word[1:] if match[0][0].isupper() else word


MASKED_QUERIES = (
    "Does {i} [MASK] {o} compared with {c}?", "Does {i} [MASK] {o}?", "Did {i} [MASK] {o} versus {c}?",
    "Can {i} [MASK] {o}?", "Is {i} associated with [MASK] {o}?", "Is {o} [MASK] with {i} than with {c}?",
    "{i} [MASK] {o} compared with {c}.", "{i} [MASK] {o}.", "{o} was [MASK] with {i} than with {c}.",
    "{i} is associated with a [MASK] in {o}.", "Does {i} result in [MASK] {o} than {c}?", "{i} versus {c}: [MASK] {o}",
)  # fmt: skip


def neutral_query(intervention: str, comparator: str, outcome: str, chance: random.Random) -> str:
    """A query that names intervention and outcome, sometimes the comparator, with its direction masked."""
    return chance.choice(MASKED_QUERIES).format(i=intervention, c=comparator or "control", o=outcome)


_DIRECTED = {
    "increase": ("Does {i} increase {o}?", "Does {i} increase {o} compared with {c}?",
                 "{i} increases {o} compared with {c}.",
                 "{i} increased {o}.", "Is {o} higher with {i} than with {c}?", "Does {i} raise {o}?"),
    "decrease": ("Does {i} decrease {o}?", "Does {i} reduce {o} compared with {c}?",
                 "{i} decreases {o} compared with {c}.",
                 "{i} reduced {o}.", "Is {o} lower with {i} than with {c}?", "Does {i} lower {o}?"),
}  # fmt: skip


def directed_query(intervention: str, comparator: str, outcome: str, direction: str, chance: random.Random) -> str:
    """A question or claim that the intervention increases or decreases the outcome."""
    return chance.choice(_DIRECTED[direction]).format(i=intervention, c=comparator or "control", o=outcome)
