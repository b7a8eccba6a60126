"""Which part of an abstract a section is: its conclusion, its findings, or what comes before."""

import re
from typing import Literal

from ragqa.types import Section

Part = Literal["title", "background", "methods", "findings", "conclusion", "whole"]

_CONCLUSION = re.compile(r"conclu|interpret|implication|summary|significance|take.?home|recommend", re.IGNORECASE)
_FINDINGS = re.compile(r"result|finding|observ|discuss|limitation|outcome|descript|synthesis|unlab", re.IGNORECASE)
_METHODS = re.compile(
    r"method|material|design|setting|participant|patient|subject|intervention|measure|source|selection|extraction"
    r"|procedure|statistic|analys|registration|funding",
    re.IGNORECASE,
)
_BACKGROUND = re.compile(
    r"background|objective|aim|purpose|introduction|context|hypothes|importance|rationale"
    r"|question",
                         re.IGNORECASE)  # fmt: skip


def is_findings(label: str) -> bool:
    """Whether a heading announces results.

    >>> is_findings("METHODS AND RESULTS"), is_findings("SETTING")
    (True, False)
    """
    return _FINDINGS.search(label) is not None


def part_of(section: Section) -> Part:
    """What a section is, by its heading and NLM category; ``whole`` for an abstract of one part.

    >>> part_of(Section("abstract.3", "It works.", "AUTHORS' CONCLUSIONS"))
    'conclusion'
    """
    if section.name == "title":
        return "title"
    heading = f"{section.label} {section.category}"
    if _CONCLUSION.search(heading):
        return "conclusion"
    if _FINDINGS.search(section.label) or section.category == "RESULTS":
        return "findings"
    if _METHODS.search(heading):
        return "methods"
    return "background" if _BACKGROUND.search(heading) else "whole"
