"""What a yes/no verdict is judged by: signs of agreement, denial and doubt in findings, and how the question asks.

Every feature is a count or a share of a named pattern, so that a weight in ``verdict.json`` can be read as a
sentence: "more denials in the conclusion make a no likelier".
"""

import re
from collections.abc import Sequence

import numpy as np

from ragqa.answer import terms
from ragqa.corpus import words

_DENIALS = {
    "no_significance": r"\b(?:no|not|non|without|nor)\W*(?:statistically\W+)?(?:any\W+)?(?:clinically\W+)?signific"
    r"|nonsignific|insignific|not reach(?:ed)? (?:statistical )?signific|\bn\.?s\.?\b",
    "no_such_thing": r"\bno (?:\w+ ){0,3}(?:difference|association|correlation|relation|effect|change|improvement"
    r"|increase|decrease|reduction|evidence|benefit|influence|impact|interaction|case|patient|complication|mortality"
    r"|death|recurrence)",
    "not": r"(?:did|do|does|was|were|is|are|could|should|had|has|may|can|would) ?(?:not|no)\b",
    "neither": r"\bneither\b|\bnor\b|\bnone of\b|\bno one\b",
    "similar": r"\bsimilar|\bcomparable|\bequivalent|\bequal|identical|\bunchanged|\bsame\b|unaffected|did not differ",
    "failing": r"\bfail|unable|\black of|insufficient|poor|inadequate|limited|less (?:effective|accurate|likely)"
    r"|inferior|only \d|\blow\b|weak",
    "p_high": r"\bp\s*(?:value)?\s*(?:>|≥|=|greater than)\s*(?:0?\.[1-9]\d*|0?\.0[5-9]\d*)",
}
_AFFIRMATIONS = {
    "significant": r"(?<!no )(?<!not )(?<!non)(?<!non-)\bsignificant(?:ly)?\b",
    "p_low": r"\bp\s*(?:value)?\s*(?:<|≤|=|less than|of)\s*(?:or =\s*)?(?:0?\.0[0-4]\d*|0?\.05\b|0?\.00)",
    "more": r"\b(?:increas|higher|great|more|better|improv|superior|longer|elevat|larger|faster|earlier|gain)",
    "less": r"\b(?:decreas|lower|reduc|fewer|less|shorter|smaller|declin|worse|fall|fell|drop)",
    "association": r"\bassociat|correlat|predict|related to|relationship|independent|risk factor|link",
    "effective": r"\beffective|efficac|successful|useful|safe|feasible|reliable|accurate|excellent|good|satisf"
    r"|high(?:ly)? ",
}
_DOUBTS = {
    "however": r"\bhowever|\bbut\b|although|whereas|while|despite|except|though|only\b",
    "hedge": r"\bmay\b|might|could|possib|potential|suggest|appear|seem|trend|tend|unclear|further|partial",
    "percentage": r"\d ?%",
    "interval": r"confidence interval|\bCI\b",
    "ratio": r"\b(?:OR|odds ratio|hazard ratio|HR|RR|relative risk)\b",
}
_ASKING = {
    "is": r"\b(?:is|are|was|were)\b",
    "does": r"\b(?:do|does|did)\b",
    "can": r"\b(?:can|could|may)\b",
    "should": r"\bshould|must\b",
    "will": r"\bwill|would\b",
    "has": r"\bha(?:s|ve|d)\b",
    "two_parts": r":|\. ",
    "or": r"\bor\b",
    "need": r"need|necess|mandatory|essential|indicat|justif|require|worth|routine",
    "safe": r"safe|feasib|reliab|valid|accura|adequa|suffic|appropriate",
    "effect": r"effect|efficac|useful|benefi|help|work|success",
    "association": r"associat|relat|correlat|link|depend|determin",
    "risk": r"risk|cause|contribut",
    "predict": r"predict|marker|prognos|factor|indicator",
    "influence": r"influence|affect|impact|alter|change|modif|role|matter|make a difference",
    "more": r"increase|improve|enhance|promote|more|better|higher|superior",
    "less": r"reduce|decrease|prevent|less|lower|protect|worse|impair",
    "difference": r"differ|same|similar|equal|compar|equivalent",
    "always": r"still|really|always|all\b|every|only|just|too",
    "there": r"there",
    "detect": r"diagnos|detect|screen|identif|distinguish|differentiate|test",
    "time": r"time|age|long|late|early|trend",
}
_SENTENCE_PATTERNS = {
    name: re.compile(pattern, re.IGNORECASE) for name, pattern in (_DENIALS | _AFFIRMATIONS | _DOUBTS).items()
}
_QUESTION_PATTERNS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _ASKING.items()}
_PLACE = {name: place for place, name in enumerate(_SENTENCE_PATTERNS)}
_DENIED = [_PLACE[name] for name in ("no_significance", "no_such_thing", "not", "neither", "p_high")]
_UP, _DOWN = _PLACE["more"], _PLACE["less"]

QUESTION_FEATURES = (*(f"asks_{name}" for name in _QUESTION_PATTERNS), "asks_length")
SENTENCE_FEATURES = (*_SENTENCE_PATTERNS, "denied", "denied_on_topic", "same_direction", "opposite_direction")


def question_features(question: str) -> np.ndarray:
    """How a question asks: float64 [len(QUESTION_FEATURES)]."""
    present = [float(pattern.search(question) is not None) for pattern in _QUESTION_PATTERNS.values()]
    return np.array([*present, np.log1p(len(question.split()))])


def sentence_features(question: str, sentences: Sequence[str]) -> np.ndarray:
    """Signs in each sentence: float64 [n_sentences, len(SENTENCE_FEATURES)]."""
    wanted = _topic(question)
    asks_up = _QUESTION_PATTERNS["more"].search(question) is not None
    asks_down = _QUESTION_PATTERNS["less"].search(question) is not None
    rows = np.zeros((len(sentences), len(SENTENCE_FEATURES)))
    for row, sentence in zip(rows, sentences, strict=True):
        counts = [min(len(pattern.findall(sentence)), 2) for pattern in _SENTENCE_PATTERNS.values()]
        denied = float(any(counts[place] for place in _DENIED))
        topic = terms.coverage(wanted, _topic(sentence))
        same = (asks_up and counts[_UP]) or (asks_down and counts[_DOWN])
        opposite = (asks_up and counts[_DOWN] and not counts[_UP]) or (asks_down and counts[_UP] and not counts[_DOWN])
        row[:] = [*counts, denied, denied * topic, float(bool(same)), float(bool(opposite))]
    return rows


def _topic(text: str) -> set[str]:
    """Single words only, as the weights in ``verdict.json`` were fitted with."""
    return {stem for stem in words.content_stems(text) if " " not in stem}
