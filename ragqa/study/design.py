"""The design of a study, by what MEDLINE says of it and, where that is silent, by what its text calls itself."""

import re

from ragqa.answer.abstract_parts import part_of
from ragqa.corpus.text import abstract_sections, title_of
from ragqa.types import Document

_BY_TYPE = (
    ("network meta-analysis", ("Network Meta-Analysis",)),
    ("meta-analysis", ("Meta-Analysis",)),
    ("systematic review", ("Systematic Review",)),
    ("guideline", ("Practice Guideline", "Guideline")),
    ("randomised controlled trial", ("Randomized Controlled Trial", "Equivalence Trial", "Pragmatic Clinical Trial")),
    (
        "clinical trial",
        ("Clinical Trial", "Controlled Clinical Trial", "Clinical Trial, Phase I", "Clinical Trial, Phase II",
         "Clinical Trial, Phase III", "Clinical Trial, Phase IV"),
    ),
    ("case report", ("Case Reports",)),
    ("twin study", ("Twin Study",)),
)  # fmt: skip
_BY_MESH = (
    ("case-control study", "Case-Control Studies"),
    ("cross-sectional study", "Cross-Sectional Studies"),
    ("retrospective study", "Retrospective Studies"),
    ("prospective study", "Prospective Studies"),
    ("cohort study", "Cohort Studies"),
    ("longitudinal study", "Longitudinal Studies"),
)
_LATE_TYPES = (("observational study", "Observational Study"),)
_OF_THIS = (
    r"(?:this|our|the present|the current|(?:conducted|performed|did|undertook|is|was|"
    r"in) an?)\s+(?:[\w-]+,?\s+){0,5}?"
)
_NAMES = (
    ("meta-analysis", r"meta-analys[ie]s"),
    ("systematic review", r"systematic(?:ally)? review(?:ed)?"),
    ("randomised controlled trial", r"randomi[sz]ed(?:[\s,-]+[\w-]+){0,5}?[\s-]+(?:trial|study|crossover)"),
    ("case-control study", r"case[\s-]control(?:[\s,-]+[\w-]+)?[\s-]+(?:study|analysis)"),
    ("cross-sectional study", r"cross[\s-]sectional(?:[\s,-]+[\w-]+){0,2}?[\s-]+(?:study|survey|analysis)"),
    ("retrospective study", r"retrospective(?:[\s,-]+[\w-]+){0,3}?[\s-]+(?:study|review|analysis|cohort)"),
    ("prospective study", r"prospective(?:[\s,-]+[\w-]+){0,3}?[\s-]+(?:study|cohort|trial)"),
    ("crossover study", r"cross-?over (?:study|trial)"),
    ("cohort study", r"cohort study"),
    ("case series", r"case series"),
    ("case report", r"case report"),
)
_IN_TITLE = tuple((name, re.compile(rf"(?i)\b{pattern}\b")) for name, pattern in _NAMES)
_IN_TEXT = tuple((name, re.compile(rf"(?i)\b{_OF_THIS}{pattern}\b")) for name, pattern in _NAMES)
_RANDOMISED = re.compile(
    r"(?i)\b(?:(?:were|was|are) (?:then )?(?:equally )?randomi[sz]ed|(?:were|was) (?:\w+ )?(?:randomly|randomised) "
    r"(?:assigned|allocated|divided)|we randomi[sz]ed|we randomly (?:assigned|allocated))\b"
)
_PROTOCOL = re.compile(
    r"(?i)\b(?:(?:study|trial|review)[\s-]protocol|protocol (?:for|of) an?\b|protocol\Z|rationale(?:,|"
    r" and) (?:study )?design"
    r"|design and (?:rationale|methods))"
)
_PLANS = 2
_PLANNED = re.compile(r"(?i)\bwill (?:also )?be\b|\bwill (?:assess|receive|evaluate|undergo|include|recruit|measure)\b")
_OF_ANOTHER = re.compile(
    r"(?i)\b(?:post[\s-]?hoc|secondary analys[ie]s|sub-?study|experiences? of|views of|participating in|"
    r"update|lessons|standardisation)\b"
)
_ANIMALS = re.compile(r"(?i)\b(?:rats?|mice|mouse|sheep|rabbits?|pigs?|piglets?|dogs?|murine|ovine|porcine|canine)\b")
_RETROSPECTIVE = re.compile(
    r"(?i)\b(?:this|our|a) (?:[\w-]+ ){0,2}?retrospective(?: [\w-]+){0,3}? (?:study|review|analysis|cohort)\b"
)
_LABELLED = re.compile(r"(?i)\b(?:design|study type)\b")
_METHODS = re.compile(r"(?i)method|design|setting|participant|patient|intervention|procedure")


def design(document: Document) -> str:
    """The design in words, for example ``cohort study``; "" where neither MEDLINE nor the text is plain about it.

    A protocol, which has no findings yet, is told as one: ``randomised controlled trial (protocol)``.

    >>> from ragqa.types import Section
    >>> design(Document("1", (Section("title", "Statins after bypass: a retrospective cohort study"),)))
    'retrospective study'
    """
    found = _design(document)
    if not is_protocol(document):
        return found
    return f"{found} (protocol)" if found else "protocol"


def is_protocol(document: Document) -> bool:
    """Whether an article plans a study of which it has no findings yet."""
    types = {kind.name for kind in document.publication_types}
    if "Clinical Trial Protocol" in types or _PROTOCOL.search(title_of(document)):
        return True
    sections = abstract_sections(document)
    told = any(part_of(section) in {"findings", "conclusion"} and "DISC" not in section.label for section in sections)
    return not told and len(_PLANNED.findall(" ".join(section.text for section in sections))) >= _PLANS


def _design(document: Document) -> str:
    types = {kind.name for kind in document.publication_types}
    mesh = {heading.name for heading in document.mesh}
    if found := next((name for name, kinds in _BY_TYPE if types & set(kinds)), ""):
        return found
    if "Animals" in mesh and "Humans" not in mesh:
        return "animal study"
    if "Review" in types:
        return "review"
    return (
        _in_text(document)
        or next((name for name, heading in _BY_MESH if heading in mesh), "")
        or next((name for name, kind in _LATE_TYPES if kind in types), "")
    )


def _in_text(document: Document) -> str:
    title = title_of(document)
    if _OF_ANOTHER.search(title):
        return ""
    if _ANIMALS.search(title):
        return "animal study"
    return next((name for name, pattern in _IN_TITLE if pattern.search(title)), "") or _in_abstract(document)


def _in_abstract(document: Document) -> str:
    sections = abstract_sections(document)
    for section in sections:
        if _LABELLED.search(section.label) and (
            name := next((name for name, pattern in _IN_TITLE if pattern.search(section.text)), "")
        ):
            return name
    methods = [section.text for section in sections if len(sections) == 1 or _METHODS.search(section.label)]
    text = " ".join(methods)
    if _RETROSPECTIVE.search(text):
        return "retrospective study"
    if _RANDOMISED.search(text):
        return "randomised controlled trial"
    return next((name for name, pattern in _IN_TEXT if pattern.search(text)), "")
