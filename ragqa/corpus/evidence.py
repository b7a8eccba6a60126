"""How strong the design of a study is, by what MEDLINE says about it: publication types and MeSH headings.

The order follows the usual pyramid of evidence. It ranks designs, not the quality of a single study. Publication
types decide first; MeSH headings tell cohort, case-control and cross-sectional studies (which MEDLINE indexes as
headings rather than as types) and work on animals or in vitro. Records that carry neither are
``expert opinion or other``.
"""

from ragqa.types import Document

LEVELS = (
    "systematic review or meta-analysis",
    "randomised controlled trial",
    "other trial",
    "cohort or case-control study",
    "case report",
    "expert opinion or other",
    "animal or in vitro study",
)
"""Evidence levels, strongest first."""

_SYNTHESIS, _RANDOMISED, _TRIAL, _OBSERVATIONAL, _CASE, _OTHER, _PRECLINICAL = LEVELS

# Names and UIs of publication types, in lower case. A practice guideline rests on a systematic search and a graded
# appraisal, and is what a reader should see first, so it stands with the reviews; a plain "Guideline" or a consensus
# conference need not, and is expert opinion.
_BY_TYPE: tuple[tuple[str, frozenset[str]], ...] = (
    (
        _SYNTHESIS,
        frozenset(
            {
                "meta-analysis", "d017418", "systematic review", "d000078182", "network meta-analysis", "d000071076",
                "practice guideline", "d017065",
            }
        ),
    ),
    (
        _RANDOMISED,
        frozenset(
            {
                "randomized controlled trial", "d016449", "equivalence trial", "d000073843", "pragmatic clinical trial",
                "d065007",
            }
        ),
    ),
    (
        _TRIAL,
        frozenset(
            {
                "clinical trial", "d016430", "controlled clinical trial", "d018848", "adaptive clinical trial",
                "d000076362", "clinical trial, phase i", "d017426", "clinical trial, phase ii", "d017427",
                "clinical trial, phase iii", "d017428", "clinical trial, phase iv", "d017429",
            }
        ),
    ),
    (
        _OBSERVATIONAL,
        frozenset(
            {
                "observational study", "d064888", "twin study", "d018486", "clinical study", "d000068397",
            }
        ),
    ),
    (_CASE, frozenset({"case reports", "d002363"})),
)  # fmt: skip

_OBSERVATIONAL_MESH = frozenset(
    {
        "cohort studies", "d015331", "case-control studies", "d016022", "cross-sectional studies", "d003430",
        "retrospective studies", "d012189", "prospective studies", "d011446", "follow-up studies", "d005500",
        "longitudinal studies", "d008137",
    }
)  # fmt: skip
_ANIMALS = frozenset({"animals", "d000818"})
_HUMANS = frozenset({"humans", "d006801"})
_IN_VITRO = frozenset({"in vitro techniques", "d066298"})


def evidence_level(document: Document) -> str:
    """The evidence level of a document: one of :data:`LEVELS`.

    Work on animals without humans, and in vitro work that is no trial, is the last level whatever its design,
    except for systematic reviews, whose level is their own.

    >>> from ragqa.types import PublicationType
    >>> evidence_level(Document("1", publication_types=(PublicationType("Meta-Analysis"), PublicationType("Review"))))
    'systematic review or meta-analysis'
    """
    types = _names(document.publication_types)
    mesh = _names(document.mesh)
    level = next((level for level, names in _BY_TYPE if names & types), None)
    if level == _SYNTHESIS:
        return level
    if mesh & _ANIMALS and not mesh & _HUMANS:
        return _PRECLINICAL
    if level in {_RANDOMISED, _TRIAL}:
        return level
    if mesh & _OBSERVATIONAL_MESH and level != _CASE:
        return _OBSERVATIONAL
    if mesh & _IN_VITRO:
        return _PRECLINICAL
    return level or _OTHER


def _names(entries: tuple[object, ...]) -> set[str]:
    return {
        text.lower() for entry in entries for text in (getattr(entry, "name", ""), getattr(entry, "ui", "")) if text
    }
