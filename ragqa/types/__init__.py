"""The nouns that every part of ragqa shares.

They are plain frozen records: no behaviour, no input or output. Functions that work on them live in the
packages that own the work (``ragqa.corpus``, ``ragqa.retrieve``, ``ragqa.answer`` …).
"""

from ragqa.types.answers import (
    Answer,
    ExactAnswer,
    Generation,
    Notice,
    SearchStep,
    Source,
    Span,
    Statement,
    Study,
    StudyDirection,
    VerdictLabel,
)
from ragqa.types.documents import (
    Accession,
    Chemical,
    Document,
    Grant,
    Link,
    MeshHeading,
    PublicationType,
    Section,
    SupplementaryConcept,
)
from ragqa.types.labels import Labelling, Proposition, ScoredSpan, TrialQuestion
from ragqa.types.questions import Question, QuestionType
from ragqa.types.search import Filter, Hit, PartlyRanked, Ranked
from ragqa.types.work import Progress, Tasks, no_progress

__all__ = [
    "Accession",
    "Answer",
    "Chemical",
    "Document",
    "ExactAnswer",
    "Filter",
    "Generation",
    "Grant",
    "Hit",
    "Labelling",
    "Link",
    "MeshHeading",
    "Notice",
    "PartlyRanked",
    "Progress",
    "Proposition",
    "PublicationType",
    "Question",
    "QuestionType",
    "Ranked",
    "ScoredSpan",
    "SearchStep",
    "Section",
    "Source",
    "Span",
    "Statement",
    "Study",
    "StudyDirection",
    "SupplementaryConcept",
    "Tasks",
    "TrialQuestion",
    "VerdictLabel",
    "no_progress",
]
