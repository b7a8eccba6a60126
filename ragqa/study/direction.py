"""Which way a sentence of findings points: more, less, better, worse, or no difference."""

import re

from ragqa.types import StudyDirection

_NOT = r"(?:no|not|n't|neither|without|nor|never|failed to|lack of)"
_MOVES = (
    r"(?:differ(?:ed|ent|ences?|s)?|change[ds]?|effects?|affect(?:ed|s)?|influenced?|associat(?:ed|ions?)|"
    r"correlat(?:ed|ions?)|increase[ds]?|decrease[ds]?|reduc(?:ed|es|e|tions?)|improve(?:d|s|ments?)?|benefits?|"
    r"higher|lower|greater|better|worse|prevent(?:ed|s)?|impact)"
)
_SAME = re.compile(
    rf"(?i)\b{_NOT}\b(?:\s+[\w-]+){{0,4}}?\s+{_MOVES}\b"
    r"|\b(?:was|were|is|are|remained) (?:(?:statistically|clinically|very|also) )?(?:similar|comparable|unchanged|"
    r"equivalent|the same)\b"
    r"|\bas effective as\b|\bcomparable (?:efficacy|results|outcomes)\b"
)
_VERB = r"\b(?:(?:can|does|did|do|will)(?: \w+ly| also)? (?:{base})|(?:{told}))\b|(?:,|\band) (?:also )?(?:{base})\b"
_WORDS: tuple[tuple[StudyDirection, str, str, str], ...] = (
    (
        "decreased",
        "reduce|decrease|lower|diminish|attenuate|suppress",
        "reduced|reduces|decreased|decreases|lowered|lowers|diminished|diminishes|attenuated|attenuates|"
        "suppressed|declined|fell|dropped",
        r"\b(?:reductions?|decreases?|declines?) (?:in|of)\b|\blower\b|\bfewer\b|\bless (?:likely|frequent|common)\b"
        r"|\bshorter\b|\bsmaller\b",
    ),
    (
        "increased",
        "increase|raise|elevate|enhance|prolong",
        "increased|increases|raised|raises|elevated|elevates|enhanced|enhances|prolonged|prolongs|rose",
        r"\bincreases? (?:in|of)\b|\bhigher\b|\bgreater\b|\bmore (?:likely|frequent|common)\b|\blonger\b",
    ),
    ("improved", "improve", "improved|improves", r"\bimprovements? (?:in|of)\b|\bbetter\b"),
    ("worsened", "worsen|impair", "worsened|worsens|impaired|impairs", r"\bworse\b"),
)
_KINDS = tuple(
    (direction, re.compile(r"(?i)" + _VERB.format(base=base, told=told) + f"|{phrases}"))
    for direction, base, told, phrases in _WORDS
)
_NOT_FOUND = re.compile(
    r"(?i)\b(?:whether|should|aim(?:ed|s)?|objective|hypothesi[sz]ed?|may|might|could|potential(?:ly)?|"
    r"further (?:studies|research|trials)|is needed|"
    r"are needed|unclear|unknown|if|future)\b"
)
_STATED = re.compile(
    r"(?i)\b(?:with|of|having|had) (?:an? )?(?:reduced|decreased|increased|elevated|raised|impaired)\b"
)
_HOW = re.compile(
    r"(?i)\b(?:through|via|by) (?:the |an? |its )?(?:\w+ )?(?:reduction|decrease|increase|improvement)s? (?:in|of)\b"
)
_RISK_OF = re.compile(r"(?i)\b(?:associated|association|correlated|linked) with (?:an? )?")


def direction(sentence: str) -> StudyDirection:
    """What a sentence says happened; "" where it says nothing, or several things.

    >>> direction("Statins did not significantly reduce mortality."), direction("Mortality was lower with statins.")
    ('no difference', 'decreased')
    >>> direction("Statins reduced mortality but increased myopathy.")
    ''
    """
    if _NOT_FOUND.search(sentence):
        return ""
    tied = _RISK_OF.sub("brought ", sentence)
    same = _SAME.search(tied)
    rest = _HOW.sub(" ", _STATED.sub(" ", _SAME.sub(" ", tied)))
    found = [kind for kind, pattern in _KINDS if pattern.search(rest)]
    if same:
        return "" if found else "no difference"
    return found[0] if len(found) == 1 else ""
