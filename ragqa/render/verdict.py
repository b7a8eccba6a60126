"""A verdict in words that are no surer than the evidence: how likely, and from which studies with how many people."""

from collections.abc import Sequence

from ragqa.corpus.evidence import LEVELS
from ragqa.render.counted import counted
from ragqa.types import Answer, Source

_SURE, _WEAK = 0.9, 0.7
_KINDS = {
    "systematic review or meta-analysis": (
        "systematic review or meta-analysis",
        "systematic reviews or meta-analyses",
    ),
    "cohort or case-control study": ("cohort or case-control study", "cohort or case-control studies"),
    "expert opinion or other": ("article of another kind", "articles of other kinds"),
    "animal or in vitro study": ("animal or in vitro study", "animal or in vitro studies"),
}


def told(answer: Answer) -> str:
    """The verdict as a sentence, ``Probably yes, from 1 cohort or case-control study (n = 203).``; "" without one."""
    if answer.verdict is None:
        return ""
    share = answer.verdict_probabilities.get(answer.verdict, 0.0)
    weak = "Weak: " if share < _WEAK else ""
    return f"{weak}{_in_words(answer.verdict, share)}, from {_basis(answer)}."


def kind_of_article(level: str) -> str:
    """What an article of an evidence level is, in the words that are shown of one article.

    >>> kind_of_article("case report"), kind_of_article("expert opinion or other")
    ('case report', 'article of another kind')
    """
    return _KINDS.get(level, (level,))[0]


def _in_words(verdict: str, share: float) -> str:
    if verdict == "maybe":
        return "unclear" if share < _WEAK else "Unclear"
    if share < _WEAK:
        return f"unclear, leaning to {verdict}"
    return f"Probably {verdict}" if share < _SURE else f"{verdict.capitalize()}, as far as these articles tell"


def _basis(answer: Answer) -> str:
    cited = [source for source in answer.sources if source.cited]
    groups = [(level, [source for source in cited if source.evidence_level == level]) for level in LEVELS]
    parts = [_group(answer, level, sources) for level, sources in groups if sources]
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part) if parts else "no article"


def _group(answer: Answer, level: str, sources: Sequence[Source]) -> str:
    known = {study.document_id: study.participants for study in answer.studies}
    counts = [known.get(source.document_id) for source in sources]
    told_counts = [count for count in counts if count is not None]
    sign = "=" if len(told_counts) == len(counts) else "≥"
    people = f" (n {sign} {sum(told_counts):,})" if told_counts else ""
    return f"{counted(len(sources), *_KINDS.get(level, (level,)))}{people}"
