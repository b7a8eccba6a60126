"""SciFact's claims with the articles that ``ragqa check`` reads for each, and what is read in them."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "reader"))

from scifact import scifact_groups
from texts import held_back

from ragqa.answer.passages import Passage, passages_of
from ragqa.answer.question import analyse
from ragqa.answer.support import Conflict
from ragqa.check import stance
from ragqa.check.checker import N_READ
from ragqa.check.sentences import sentence_features
from ragqa.corpus.text import title_of
from ragqa.engine import Engine
from ragqa.evaluate.runs.prepare import ensure_index, prepare_corpus, wanted_index
from ragqa.evaluate.tasks.claims.scifact import Claim, read_abstracts, read_claims
from ragqa.evaluate.tasks.evidence import Place, sentence_places
from ragqa.evaluate.tasks.task import CorpusSource
from ragqa.reader.model import open_model
from ragqa.types import Document, Question

CLAIMS, CORPUS = Path("scifact-claims", "claims_train.csv"), Path("beir", "scifact")


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim with an article that was read for it, and what was read: nothing where the article has no abstract.

    ``group`` is of claims that share an abstract; ``sentences`` has the features of each of the abstract's, and
    ``citable`` tells which may be cited, bool [n_sentences].
    """

    claim: Claim
    group: str
    rank: int
    document: Document
    features: Mapping[str, float] = field(default_factory=dict)
    passage: Passage | None = None
    objection: Conflict | None = None
    sentences: Sequence[Mapping[str, float]] = ()
    citable: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))

    @property
    def places(self) -> tuple[Place, ...]:
        """Its sentences."""
        return sentence_places(self.document)

    @property
    def gold(self) -> set[int]:
        """Numbers of the sentences that are evidence; one beyond the abstract's end, as divided here, is the last."""
        last = len(self.places) - 1
        return {min(number, last) for numbers in self.claim.sets.get(self.document.id, ()) for number in numbers}


def claims_of(data: Path) -> tuple[list[Claim], list[Claim], dict[str, str]]:
    """Claims that the reader's model was not trained on, those that it was, and the group of each."""
    claims = read_claims(data / CLAIMS)
    group_of = scifact_groups([{"id": claim.id, "cited": claim.cited} for claim in claims])
    held = [claim for claim in claims if held_back(group_of[claim.id], 6)]
    return held, [claim for claim in claims if not held_back(group_of[claim.id], 6)], group_of


def read_for(claims: Sequence[Claim], group_of: Mapping[str, str], data: Path) -> Iterator[Pair]:
    """The articles that a check reads for each claim, read by the model."""
    wanted = wanted_index(prepare_corpus("scifact", CorpusSource("beir", data / CORPUS)), "default")
    ensure_index(wanted)
    model = open_model()
    with Engine.open(wanted.name) as engine:
        for claim in claims:
            (documents,) = engine.find_for_claims([claim.text], N_READ)
            evidence = stance.read_for(model, claim.text, documents, allow_retracted=False)
            for place, document in enumerate(documents):
                pair = (claim, group_of[claim.id], place, document)
                if evidence.documents[place].features:
                    passage, objection, found = stance.read(claim.text, place, document, evidence)
                    own, within, citable = stance.abstract_of(place, evidence)
                    sentences = sentence_features(claim.text, title_of(document), own, within)
                    yield Pair(*pair, found, passage, objection, sentences, citable)
                else:
                    yield Pair(*pair)


def unread(claims: Sequence[Claim], group_of: Mapping[str, str], data: Path) -> Iterator[Pair]:
    """The abstracts with evidence for each claim, with what their words tell: the model has not read them."""
    abstracts = read_abstracts(data / CORPUS / "corpus.jsonl", {one for claim in claims for one in claim.labels})
    for claim in claims:
        asked = analyse(Question(claim.text, type="yesno"))
        for document in (abstracts[one].document for one in claim.labels):
            own = [one for one in passages_of(asked, [document]) if one.part != "title"]
            sentences = sentence_features(claim.text, title_of(document), own, np.full(len(own), 0.5))
            yield Pair(claim, group_of[claim.id], 0, document, sentences=sentences)
