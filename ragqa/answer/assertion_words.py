"""The closed vocabulary of direction: which words say more, less, better, worse or the same, and their opposites.

Each line of the tables is a lemma, its opposite, and what it says. Forms are made by rule, the irregular ones listed,
so that an opposite keeps the form ("reduced" ↔ "increased").
"""

import re
from dataclasses import dataclass
from typing import Literal

Sense = Literal["up", "down", "better", "worse", "change", "same"]
Form = Literal["base", "s", "past", "participle", "ing", "noun", "nouns", "adjective", "adverb"]

_IRREGULAR = {
    "rise": ("rises", "rose", "risen", "rising"), "fall": ("falls", "fell", "fallen", "falling"),
    "drop": ("drops", "dropped", "dropped", "dropping"), "cut": ("cuts", "cut", "cut", "cutting"),
    "slow": ("slows", "slowed", "slowed", "slowing"), "boost": ("boosts", "boosted", "boosted", "boosting"),
    "upregulate": ("upregulates", "upregulated", "upregulated", "upregulating"), "grow":
    ("grows", "grew", "grown", "growing"), "shrink": ("shrinks", "shrank", "shrunk", "shrinking"),
    "lower": ("lowers", "lowered", "lowered", "lowering"), "trigger": ("triggers", "triggered", "triggered",
    "triggering"), "worsen": ("worsens", "worsened", "worsened", "worsening"), "differ": ("differs", "differed",
    "differed", "differing"), "alter": ("alters", "altered", "altered", "altering"), "lengthen": ("lengthens",
    "lengthened", "lengthened", "lengthening"), "shorten": ("shortens", "shortened", "shortened", "shortening"),
    "benefit": ("benefits", "benefited", "benefited", "benefiting"), "heighten": ("heightens", "heightened",
    "heightened", "heightening"), "weaken": ("weakens", "weakened", "weakened", "weakening"),
    "lessen": ("lessens", "lessened", "lessened", "lessening"), "strengthen": ("strengthens", "strengthened",
    "strengthened", "strengthening"), "help": ("helps", "helped", "helped", "helping"),
}  # fmt: skip

# verb: opposite, sense
_VERBS: dict[str, tuple[str, Sense]] = {
    "increase": ("decrease", "up"), "raise": ("lower", "up"), "elevate": ("lower", "up"), "rise": ("fall", "up"),
    "enhance": ("impair", "up"), "promote": ("inhibit", "up"), "stimulate": ("inhibit", "up"),
    "induce": ("prevent", "up"), "cause": ("prevent", "up"), "trigger": ("prevent", "up"), "boost": ("reduce", "up"),
    "augment": ("diminish", "up"), "activate": ("suppress", "up"), "accelerate": ("delay", "up"),
    "prolong": ("shorten", "up"), "lengthen": ("shorten", "up"), "upregulate": ("downregulate", "up"),
    "potentiate": ("attenuate", "up"), "amplify": ("attenuate", "up"), "facilitate": ("impede", "up"),
    "heighten": ("lessen", "up"), "strengthen": ("weaken", "up"), "grow": ("shrink", "up"),
    "overestimate": ("underestimate", "up"), "encourage": ("hinder", "up"),
    "decrease": ("increase", "down"), "reduce": ("increase", "down"), "lower": ("raise", "down"),
    "fall": ("rise", "down"), "decline": ("rise", "down"), "drop": ("rise", "down"), "diminish": ("augment", "down"),
    "lessen": ("heighten", "down"), "attenuate": ("potentiate", "down"), "suppress": ("activate", "down"),
    "inhibit": ("promote", "down"), "prevent": ("cause", "down"), "block": ("promote", "down"),
    "impair": ("enhance", "down"), "impede": ("facilitate", "down"), "delay": ("accelerate", "down"),
    "slow": ("accelerate", "down"), "shorten": ("prolong", "down"), "downregulate": ("upregulate", "down"),
    "abolish": ("induce", "down"), "abrogate": ("induce", "down"), "minimize": ("increase", "down"),
    "minimise": ("increase", "down"), "cut": ("boost", "down"), "mitigate": ("aggravate", "down"),
    "weaken": ("strengthen", "down"), "shrink": ("grow", "down"), "deplete": ("increase", "down"),
    "disrupt": ("promote", "down"), "hinder": ("encourage", "down"), "avert": ("cause", "down"),
    "underestimate": ("overestimate", "down"), "deactivate": ("activate", "down"), "eliminate": ("cause", "down"),
    "protect": ("predispose", "down"), "predispose": ("protect", "up"), "repress": ("activate", "down"),
    "halve": ("double", "down"),
    "double": ("halve", "up"), "limit": ("increase", "down"), "curb": ("boost", "down"),
    "improve": ("worsen", "better"), "ameliorate": ("aggravate", "better"), "alleviate": ("aggravate", "better"),
    "relieve": ("aggravate", "better"), "benefit": ("harm", "better"), "help": ("harm", "better"),
    "worsen": ("improve", "worse"), "aggravate": ("alleviate", "worse"), "exacerbate": ("alleviate", "worse"),
    "harm": ("benefit", "worse"), "deteriorate": ("improve", "worse"),
    "affect": ("", "change"), "alter": ("", "change"), "change": ("", "change"), "influence": ("", "change"),
    "modify": ("", "change"), "differ": ("", "change"),
}  # fmt: skip
_NOUNS: dict[str, tuple[str, Sense]] = {
    "increase": ("decrease", "up"), "rise": ("fall", "up"), "elevation": ("reduction", "up"),
    "enhancement": ("impairment", "up"), "upregulation": ("downregulation", "up"), "gain": ("loss", "up"),
    "prolongation": ("shortening", "up"), "activation": ("suppression", "up"), "stimulation": ("inhibition", "up"),
    "induction": ("prevention", "up"), "acceleration": ("delay", "up"),
    "decrease": ("increase", "down"), "reduction": ("increase", "down"), "fall": ("rise", "down"),
    "decline": ("rise", "down"), "drop": ("rise", "down"), "loss": ("gain", "down"),
    "downregulation": ("upregulation", "down"), "impairment": ("enhancement", "down"),
    "inhibition": ("stimulation", "down"), "suppression": ("activation", "down"), "prevention": ("induction", "down"),
    "attenuation": ("potentiation", "down"), "protection": ("danger", "down"),
    "improvement": ("worsening", "better"), "benefit": ("harm", "better"), "efficacy": ("", "better"),
    "worsening": ("improvement", "worse"), "harm": ("benefit", "worse"), "deterioration": ("improvement", "worse"),
    "difference": ("", "change"), "effect": ("", "change"), "impact": ("", "change"), "influence": ("", "change"),
    "change": ("", "change"),
}  # fmt: skip
_ADJECTIVES: dict[str, tuple[str, Sense]] = {
    "higher": ("lower", "up"), "greater": ("smaller", "up"), "more": ("less", "up"), "longer": ("shorter", "up"),
    "larger": ("smaller", "up"), "faster": ("slower", "up"),
    "lower": ("higher", "down"), "smaller": ("greater", "down"), "less": ("more", "down"), "fewer": ("more", "down"),
    "shorter": ("longer", "down"), "slower": ("faster", "down"), "protective": ("harmful", "down"),
    "better": ("worse", "better"), "superior": ("inferior", "better"), "effective": ("", "better"),
    "beneficial": ("harmful", "better"), "efficacious": ("", "better"), "useful": ("", "better"),
    "helpful": ("harmful", "better"),
    "worse": ("better", "worse"), "inferior": ("superior", "worse"), "harmful": ("beneficial", "worse"),
    "detrimental": ("beneficial", "worse"), "poorer": ("better", "worse"),
    "similar": ("different", "same"), "comparable": ("different", "same"), "equivalent": ("different", "same"),
    "identical": ("different", "same"), "equal": ("different", "same"), "unchanged": ("changed", "same"),
    "unaffected": ("affected", "same"), "unrelated": ("related", "same"), "equally": ("", "same"),
    "similarly": ("", "same"), "noninferior": ("inferior", "same"), "non-inferior": ("inferior", "same"),
    "different": ("similar", "change"),
}  # fmt: skip
_ADVERBS: dict[str, tuple[str, Sense]] = {
    "positively": ("inversely", "up"), "inversely": ("positively", "down"), "negatively": ("positively", "down"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """A form of a word of direction: what it says, which form it is, and the same form of its opposite ("": none)."""

    sense: Sense
    form: Form
    opposite: str


def forms(verb: str) -> dict[Form, str]:
    """The forms of a verb.

    >>> forms("reduce")["ing"], forms("rise")["past"]
    ('reducing', 'rose')
    """
    if verb in _IRREGULAR:
        s, past, participle, ing = _IRREGULAR[verb]
    else:
        stem = verb[:-1] if verb.endswith("e") else verb
        if verb.endswith("fy"):
            s, past, ing = f"{verb[:-1]}ies", f"{verb[:-1]}ied", f"{verb}ing"
        else:
            s, past, ing = f"{verb}{'es' if verb.endswith(('s', 'sh', 'ch')) else 's'}", f"{stem}ed", f"{stem}ing"
        participle = past
    return {"base": verb, "s": s, "past": past, "participle": participle, "ing": ing}


def _table() -> dict[str, tuple[Word, ...]]:
    found: dict[str, list[Word]] = {}
    for verb, (opposite, sense) in _VERBS.items():
        other = forms(opposite) if opposite else {}
        for form, text in forms(verb).items():
            found.setdefault(text, []).append(Word(sense, form, other.get(form, "")))
    for noun, (opposite, sense) in _NOUNS.items():
        found.setdefault(noun, []).append(Word(sense, "noun", opposite))
        found.setdefault(f"{noun}s", []).append(Word(sense, "nouns", f"{opposite}s" if opposite else ""))
    for table, form in ((_ADJECTIVES, "adjective"), (_ADVERBS, "adverb")):
        for text, (opposite, sense) in table.items():
            found.setdefault(text, []).append(Word(sense, form, opposite))
    return {text: tuple(words) for text, words in found.items()}


WORDS = _table()
"""Lower-case form → what it can be."""

_PHRASE_SENSES: tuple[tuple[str, Sense], ...] = (
    (r"\brisk factors?\b|\bgives? rise to\b", "up"),
    (r"\bprotective factors?\b|\b(?:negative|inverse) (?:association|correlation|relationship)\b", "down"),
    (r"\bpositive (?:association|correlation|relationship)\b", "up"),
    (r"\bas (?:effective|efficacious|safe|good|well|accurate|likely|high|low|often|frequent) as\b", "same"),
    (r"\b(?:the )?same\b(?= (?:\w+ ){0,2}(?:as|in|rate|risk|level|effect|efficacy|between|for))", "same"),
    (r"\b(?:is|are|was|were) independent of\b|\bnon-?inferior(?:ity)?\b", "same"),
    (r"\bineffective\b|\bof no (?:use|benefit|value)\b|\buseless\b|\binefficacious\b", "better"),
)
PHRASES = tuple((re.compile(pattern, re.IGNORECASE), sense) for pattern, sense in _PHRASE_SENSES)
"""Longer wordings and what they say."""
DENYING = re.compile(r"\bineffective\b|\buseless\b|\binefficacious\b|\bof no (?:use|benefit|value)\b", re.IGNORECASE)
"""Words that deny the benefit that they name."""
CAUSING = re.compile(r"caus(?:e|es|ed|ing)", re.IGNORECASE)
"""What tells no direction before a word that does: "causes fewer events"."""
UNWANTED = re.compile(
    r"\b(?:pains?|deaths?|mortality|risks?|incidence|symptoms?|cancers?|tumou?rs?|diseases?|disorders?|syndromes?"
    r"|infections?|injur(?:y|ies)|failures?|bleeding|h(?:a)?emorrhage|depression|anxiety|relapses?|recurrences?"
    r"|complications?|adverse|side effects?|migraines?|headaches?|insomnia|inflammation|severity|burden|fatigue|nausea"
    r"|vomiting|strokes?|fractures?|falls|seizures?|cough|fever|disability|stress|deficits?|toxicity|hypertension"
    r"|diabetes|obesity|asthma|dementia|delirium|diarrh(?:o)?ea|constipation|ulcers?|lesions?|events?|exacerbations?"
    r"|exposure|dependence|craving|abuse|resistance|damage|cold|colds|attacks?|\w+(?:itis|osis|(?<!an)emia|aemia|oma"
    r"|pathy|algia|plegia|trophy|phobia|rrhea))\b",
    re.IGNORECASE,
)
"""Outcomes of which less is better …"""
WANTED = re.compile(
    r"\b(?:survival|function\w*|quality|control|recovery|healing|outcomes?|performance|sensitivity|adherence|growth"
    r"|response|accuracy|satisfaction|cognition|memory|sleep|density|capacity|tolerance|fertility|immunity|efficiency)\b",
    re.IGNORECASE,
)
"""… and those of which more is better."""
