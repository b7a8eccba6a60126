"""What a question asks for: its type, the words that matter, and what names the thing asked for."""

import re
from dataclasses import dataclass
from typing import Literal

from ragqa.answer.assertion import asserted
from ragqa.answer.language import language_of
from ragqa.corpus import words
from ragqa.types import Question, QuestionType

ValueKind = Literal["date", "share", "count", "measure", "long form"]

_AUXILIARY = (
    r"(?:is|are|was|were|do|does|did|can|could|has|have|had|should|shall|will|would|may|might|must|isn't|aren't"
    r"|doesn't|don't|didn't|can't)"
)
_YES_NO = re.compile(
    rf"^(?:\W*{_AUXILIARY}\b(?! you (?:list|describe|explain|name)))"
    rf"|[:;.?!,–—-]\s+(?:\w+\s+){{0,2}}?{_AUXILIARY}\b[^?]*\?\W*$"
    rf"|\b(?:true or false|yes or no)\b",
    re.IGNORECASE,
)
_CHOICE = re.compile(
    rf"^\W*{_AUXILIARY}\b(?![^?]*\b(?:than|or not)\b)[^,;:?]*\bor\b[^,;:?]*"
    r"\b(?:(?:more|less|most) (?:effective|efficacious|useful|beneficial|accurate|reliable|sensitive|specific|safe"
    r"|toxic|suitable|appropriate)|better|safer|superior|preferable|worse|best|safest)\b",
    re.IGNORECASE,
)
"""Asks which of two, not whether: "Is open or laparoscopic surgery safer?"."""
_WH = re.compile(
    r"\b(?:what|which|who|whom|whose|where|when|why|how|list|name|describe|explain|define|enumerate)\b", re.IGNORECASE
)
_LIST = re.compile(
    r"^\W*(?:please )?(?:list|name|enumerate|mention|provide|give|state)\b|\bwhich (?:(?:\w+ )?\w+s )?are\b"
    r"|\bwhat are (?:the )?"
    r"(?:\w+[- ]){0,4}?(?:types|kinds|symptoms|features|characteristics|causes|risk factors|side effects|adverse"
    r"|members"
    r"|components|subtypes|targets|genes|drugs|treatments|indications|criteria|uses|applications|classes|phases"
    r"|complications|manifestations|diseases|proteins|stages|methods|forms|names|examples|factors|inhibitors"
    r"|functions|main|most|\d+|two|three|four|five|six)\b",
    re.IGNORECASE,
)
_SUMMARY = re.compile(
    r"^\W*(?:please )?(?:describe|explain|define|summari[sz]e|discuss|compare|why)\b"
    r"|\bhow (?:does|do|did|is|are|was|were|can|could|has|have|would|should|to)\b"
    r"|\bhow (?:well|effective|efficacious|safe|useful|helpful|good|accurate|reliable|harmful|dangerous|important)\b"
    r"|\bwhat (?:is|are) known\b|\bwhat (?:do (?:you|we) know|happens)\b"
    r"|\b(?:mechanisms?(?: of action)?|roles?|functions?|functionality|purpose|effects?|impact|rationale"
    r"|relation(?:ship)?"
    r"|difference|principle|pathophysiology|pathogenesis|definition|significance|importance|consequences?|idea|aim"
    r"|implications?|influence|link|basis) (?:of|between|for|in|behind|that)\b|\bwhat\b[^?]*\bused for\b",
    re.IGNORECASE,
)
_WHICH_NOUN = re.compile(r"\W*(?:\w+ )?which (?!is\b|are\b|was\b|were\b)", re.IGNORECASE)
_DEFINITION = re.compile(
    r"^\W*what (?:is|are|does|was) (?:an? |the )?[\w\s()/,'’.:+-]{1,60}?(?: (?:stand for|mean))?\W*$", re.IGNORECASE
)
_FACT_NOUN = re.compile(
    r"\bwhat (?:is|was|are|were) (?:the |an? )?(?:\w+[- ]){0,4}?(?:name|gene|drug|disease|target|cause|prevalence"
    r"|incidence"
    r"|number|percentage|size|dose|dosage|most|main|mode|inheritance|receptor|enzyme|protein|chromosome|treatment|cost"
    r"|brand|generic|location|function|substrate|ligand|vector|origin|color|rate|length|duration|half-life|age"
    r"|frequency|sensitivity|indication|risk|antidote|family|other name|synonym|acronym|primary|first|best|full)\b",
    re.IGNORECASE,
)
_WHAT = (
    r"\b(?:what|which)\s+(?:[\w/-]+\s+)?"
    r"|\b(?:what|which)\s+(?:is|are|was|were)\s+(?:the\s+|an?\s+)?(?:[\w/-]+\s+){0,3}?"
)
_VALUE_FORMS: dict[ValueKind, str] = {
    "date": r"^\W*when (?:was|were|did|has|have|had)\b|\b(?:which|what) (?:year|month|date)\b",
    "share": (
        rf"(?:{_WHAT})(?:percentages?|percent|proportion|prevalence|incidence|frequency|sensitivity|specificity|ratio)\b"
        r"|\bhow (?:frequent|common|prevalent)\b|\A\W*(?:the )?(?:percentage|prevalence|incidence) of\b"
    ),
    "count": rf"\bhow many\b|(?:{_WHAT})number\b|\A\W*(?:the )?number of\b",
    "measure": (
        r"\bhow (?:much|often|long|large|big|old|far|fast|high|low)\b"
        rf"|(?:{_WHAT})(?:dos(?:e|age)s?|size|length|duration|half-life|rate|weight|cost|age)\b"
        r"|\A\W*(?:the )?(?:dose|dosage|duration) of\b"
    ),
    "long form": r"\bwhat (?:does|do|did) [^?]*\bstands? for\b|\bfull (?:name|form) of\b",
}
_VALUES = {kind: re.compile(form, re.IGNORECASE) for kind, form in _VALUE_FORMS.items()}
_FOCUS = re.compile(
    r"\b(?:which|what|list|name)\b(?:\s+(?:is|are|was|were|of|the|a|an|all|some|any|other|most|main|major"
    r"|currently|known"
    r"|common|different|possible|specific|new|few|\d+|two|three|four|five|six|seven|eight|nine|ten|types? of|kinds? of"
    r"|names? of|class(?:es)? of))*\s+(?P<phrase>(?:[\w-]+\s*){1,4})",
    re.IGNORECASE,
)
_FOCUS_END = words.word_set(
    """is are was were do does did can could has have had should will would may might must of in for to that which who
    with by from on at as been be used known associated caused causes cause linked involved included includes inhibited
    targeted treated mutated produces developed responsible encodes binds encoding and or"""
)
_PLURAL = re.compile(r"(?:[^siu]s|(?<!spec)ies|bacteria|criteria|phenomena|fungi|viruses)\Z")
_TOPIC = re.compile(
    r"\W*(?:the |most |common |main |first.line |early |current |best |recommended )*"
    r"(?:signs?|symptoms?|causes?|treatments?|therap(?:y|ies)|management|diagnosis|prognosis|dos(?:e|es|age|ing)|definition"
    r"|mechanisms?|side.effects?|adverse (?:effects?|events?)|complications?|contraindications?|indications?|prevalence"
    r"|incidence|epidemiology|aetiology|etiology|pathogenesis|pathophysiology|genetics|genes?|types?|risk factors|role"
    r"|functions?|uses?|guidelines?|options|drugs?|examples|life expectancy|survival rate|half.life)"
    r"(?: and \w+)? (?:of|for|in|with|to|after|during)\b[^:–—]*\?\W*\Z",
    re.IGNORECASE,
)
_TWO_PARTS = re.compile(r"\w\s*[:;.!]\s+\w|\s[–—-]\s")
_JUDGING = re.compile(
    r"\b(?:safe|safety|useful|helpful|effective|efficacious|feasible|reliable|valid|accurate|necessary|needed|justified"
    r"|worth\w*|appropriate|better|superior|risk factor|predictors?|markers?|indicator|associated|related|true|myth"
    r"|beneficial|harmful|dangerous|contraindicated|indicated|possible|sufficient|enough|or not|an alternative"
    r"|an? (?:new |novel |major |possible )?\w+)\b",
    re.IGNORECASE,
)
_STATES = re.compile(
    r"\b(?:is|are|was|were|do|does|did|can|could|will|would|should|may|might|must|has|have|predicts?|depends?|remains?)\b",
    re.IGNORECASE,
)
_LONGEST_READ = 2000


@dataclass(frozen=True, slots=True)
class AskedFor:
    """A question, taken apart.

    Attributes
    ----------
    text
        The question, cut to a length that a person could have written.
    type
        The question's type.
    stems
        Stems of its content words, in order.
    focus
        Stems of the noun phrase that names what is asked for ("gene" of "Which gene …"); empty where there is none.
    language
        As :func:`ragqa.answer.language.language_of` tells it; only ``en`` is read by rules.
    """

    text: str
    type: QuestionType
    stems: tuple[str, ...]
    focus: tuple[str, ...]
    language: str = "en"

    @property
    def has_verdict(self) -> bool:
        """Whether it is a yes/no question that rules and weights made for English can judge."""
        return self.type == "yesno" and self.language == "en"


def analyse(question: Question) -> AskedFor:
    """Take a question apart; a type that it comes with is kept."""
    text = question.text.strip()[:_LONGEST_READ]
    focus = _focus_words(text)
    return AskedFor(
        text=text,
        type=question.type or question_type(text),
        stems=tuple(words.content_stems(text)),
        focus=tuple(words.content_stems(" ".join(focus))),
        language=language_of(text),
    )


def question_type(text: str) -> QuestionType:
    """The type that a question's wording tells.

    >>> question_type("Do statins prevent atrial fibrillation?"), question_type("Which genes cause long QT syndrome?")
    ('yesno', 'list')
    >>> question_type("Which gene is mutated in Rett syndrome?"), question_type("What is the role of p53 in ageing?")
    ('factoid', 'summary')
    >>> question_type("Is open or laparoscopic surgery safer?"), question_type("How effective are statins?")
    ('summary', 'summary')
    """
    kind: QuestionType = "summary"
    if _CHOICE.search(text):
        kind = "summary"
    elif _ends_as_question_without_asking(text) or (_YES_NO.search(text) and not _asks_openly_first(text)):
        kind = "yesno"
    elif _LIST.search(text):
        kind = "list"
    elif _SUMMARY.search(text) and not _WHICH_NOUN.match(text):
        kind = "summary"
    elif _FACT_NOUN.search(text) or value_asked(text) is not None:
        kind = "list" if _asks_for_several(text) else "factoid"
    elif _DEFINITION.search(text) and not re.match(
        r"\W*what (?:\w+ )?(?:gene|drug|disease|protein|enzyme)", text, re.IGNORECASE
    ):
        kind = "summary"
    elif _WH.search(text):
        kind = "list" if _asks_for_several(text) else "factoid"
    return kind


def value_asked(text: str) -> ValueKind | None:
    """The kind of value that a question asks for; None where it asks for none.

    >>> value_asked("When was dupilumab approved by EMA?"), value_asked("How many genes are imprinted?")
    ('date', 'count')
    >>> value_asked("When is lorlatinib used?") is None
    True
    """
    return next((kind for kind, pattern in _VALUES.items() if pattern.search(text)), None)


def _ends_as_question_without_asking(text: str) -> bool:
    """Headlines such as "Aripiprazole: a risk factor for gambling?", but not "Symptoms of Rett syndrome?".

    A noun phrase asks whether something holds where it has two parts, says more or less, or passes a judgement.
    """
    if not text.rstrip().endswith("?") or _WH.search(text) is not None:
        return False
    if _TOPIC.match(text) or language_of(text) != "en":
        return False
    return _TWO_PARTS.search(text) is not None or _JUDGING.search(text) is not None or _claims(text)


def _claims(text: str) -> bool:
    return asserted(text).direction not in {"none", "difference"} or _STATES.search(text) is not None


def _asks_openly_first(text: str) -> bool:
    first = _WH.search(text)
    return first is not None and first.start() < 4


def _asks_for_several(text: str) -> bool:
    words = _focus_words(text)
    return any(_PLURAL.search(word.lower()) for word in words[:3])


def _focus_words(text: str) -> list[str]:
    """The noun phrase after "which", "what", "list" …, its head last."""
    found = _FOCUS.search(text)
    words: list[str] = []
    for word in found["phrase"].split() if found else []:
        if word.lower() in _FOCUS_END:
            break
        words.append(word)
    return words
