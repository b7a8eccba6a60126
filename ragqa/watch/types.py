"""What is watched, what was found for it, what changed, and the alert that tells it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

ItemKind = Literal["question", "claim", "text", "answer"]
FindingKind = Literal["question", "claim", "references"]
ChangeKind = Literal[
    "verdict", "probability", "evidence", "conflict", "retracted", "concern", "corrected", "deleted", "reinstated"
]
CHANGE_KINDS: tuple[ChangeKind, ...] = get_args(ChangeKind)


@dataclass(frozen=True, slots=True)
class Cited:
    """A cited article as it stood when it was last told.

    Attributes
    ----------
    document_id, title
        As :class:`ragqa.types.Source`.
    evidence_level
        One of ``ragqa.corpus.evidence.LEVELS``.
    retracted, concern
        Whether it was retracted; whether an expression of concern about it was published.
    corrections
        The corrections, later versions and retractions of a part that were known, each as ``KIND ID``.
    deleted
        Whether it was gone from the corpus.
    """

    document_id: str
    title: str = ""
    evidence_level: str = ""
    retracted: bool = False
    concern: bool = False
    corrections: tuple[str, ...] = ()
    deleted: bool = False

    @property
    def partly_retracted(self) -> bool:
        """Whether a part of it was retracted."""
        return any(one.startswith("PartialRetractionIn ") for one in self.corrections)


@dataclass(frozen=True, slots=True)
class Finding:
    """What the literature says to one question or claim.

    Attributes
    ----------
    subject
        The question, or the claim as it is read; for ``references`` the name of what they belong to.
    kind
        ``question``, ``claim``, or ``references``: articles that a text cites.
    verdict
        The label or the exact answer; "" where the question asks for neither; ``no answer`` under an abstention.
    options
        Label or exact answer → probability or score, 0 to 1.
    cited
        The cited articles.
    conflict
        Whether articles disagree.
    read
        Id → fingerprint of the documents that were read for it.
    floor_dense, floor_words
        The lowest score among those: by vectors, and by words; a new document below both is not looked at.
    """

    subject: str
    kind: FindingKind = "question"
    verdict: str = ""
    options: Mapping[str, float] = field(default_factory=dict)
    cited: tuple[Cited, ...] = ()
    conflict: bool = False
    read: Mapping[str, str] = field(default_factory=dict)
    floor_dense: float = 0.0
    floor_words: float = 0.0


@dataclass(frozen=True, slots=True)
class Item:
    """Something that is watched.

    Attributes
    ----------
    id
        By the index and what is watched: the same thing is watched once.
    index
        The index that is asked.
    kind, title
        What was given, and how it is called.
    findings
        What was last found, one for each question or claim. Verdict, options, citations and conflict are those that
        were last told, so that small steps add up.
    state
        The state of the corpus that it was last asked in; "" for never.
    written
        When this was written, in UTC with microseconds.
    serial
        How many alerts it gave.
    owner
        The name of the key for which a server keeps it; "" for what was added on the command line.
    """

    id: str
    index: str
    kind: ItemKind
    title: str
    findings: tuple[Finding, ...]
    state: str = ""
    written: str = ""
    serial: int = 0
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed.

    Attributes
    ----------
    kind
        One of :data:`CHANGE_KINDS`.
    subject
        The question or claim.
    message
        What changed, in a sentence.
    document_id, title
        The article that it is about; "" for none.
    """

    kind: ChangeKind
    subject: str
    message: str
    document_id: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """What changed for one item.

    Attributes
    ----------
    id
        The item's id and the number of the alert.
    item
        The item as it is from now on: an alert that is on disk before its item brings it up to date after a crash.
    changes
        At least one.
    time
        When it was found, in UTC.
    state
        The state of the corpus in which it was found.
    channels
        Where it is to be sent: the channels that were set up when it was found.
    """

    id: str
    item: Item
    changes: tuple[Change, ...]
    time: str
    state: str
    channels: tuple[str, ...] = ()
