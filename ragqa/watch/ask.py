"""Asks what is watched: a question as ``ragqa ask`` does, a claim as ``ragqa check`` does, and keeps what was read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ragqa.check.checker import N_READ
from ragqa.check.types import Citation
from ragqa.check.verdict import find
from ragqa.corpus.evidence import evidence_level
from ragqa.corpus.marks import under_concern
from ragqa.corpus.text import title_of
from ragqa.engine import Engine
from ragqa.manifest import content_hash
from ragqa.reader.model import open_model
from ragqa.types import Answer, Document
from ragqa.watch.screen import Screen
from ragqa.watch.types import Cited, Finding

NO_ANSWER = "no answer"
_TOGETHER = 32
"""Questions that are searched for at once."""
_CORRECTIONS = frozenset(
    {"ErratumIn", "CorrectedandRepublishedIn", "UpdateIn", "RetractedandRepublishedIn", "PartialRetractionIn"}
)


def fingerprint(document: Document) -> str:
    """Hash of what an answer can depend on: texts, kind of article, and what was published about it.

    A record whose headings or dates alone were revised keeps its fingerprint.
    """
    links = sorted({f"{link.kind} {link.document_id or link.citation}" for link in document.links})
    types = sorted(kind.name for kind in document.publication_types)
    return content_hash([document.sections, document.retracted, types, links])[:16]


def cited_article(document: Document) -> Cited:
    """An article as it stands now."""
    corrections = sorted(
        {f"{link.kind} {link.document_id or link.citation}" for link in document.links if link.kind in _CORRECTIONS}
    )
    return Cited(
        document.id,
        title_of(document),
        evidence_level(document),
        document.retracted,
        under_concern(document),
        tuple(corrections),
    )


def of_answer(answer: Answer, documents: Sequence[Document]) -> Finding:
    """What an answer says; ``documents`` hold those that it cites."""
    cited = {source.document_id for source in answer.sources if source.cited}
    return Finding(
        answer.question.text,
        "question",
        _verdict(answer),
        _options(answer),
        tuple(cited_article(document) for document in documents if document.id in cited),
        any(notice.kind == "conflicting" for notice in answer.notices),
    )


class Asker:
    """Asks an opened index."""

    def __init__(self, engine: Engine, screen: Screen) -> None:
        self._engine, self._screen = engine, screen

    def ask(self, findings: Sequence[Finding]) -> Iterator[Finding]:
        """Each finding anew, in order; one for which the same was read as before comes back as it is."""
        for begin in range(0, len(findings), _TOGETHER):
            part = findings[begin : begin + _TOGETHER]
            asked = {finding.subject: None for finding in part if finding.kind == "question"}
            answered = dict(zip(asked, self._questions(list(asked), part), strict=True)) if asked else {}
            for finding in part:
                if finding.kind == "question":
                    yield answered[finding.subject]
                else:
                    yield self._claim(finding) if finding.kind == "claim" else self._references(finding)

    def _questions(self, texts: Sequence[str], before: Sequence[Finding]) -> Iterator[Finding]:
        engine, wanted = self._engine, self._engine.recipe.answer.n_documents
        questions = engine.all_as_read(texts)
        candidates = engine.rerank(questions, engine.retrieve(questions, wanted))
        known = {finding.subject: finding for finding in before if finding.kind == "question"}
        for query, (text, question) in enumerate(zip(texts, questions, strict=True)):
            hits = engine.hits(candidates, query, wanted)
            documents = engine.store.read([hit.row for hit in hits])
            read = _read(documents)
            if read and read == known[text].read:
                yield known[text]
                continue
            answer = engine.read(question, candidates, query)
            of_all = {document.id: document for document in documents}
            missing = [s.document_id for s in answer.sources if s.cited and s.document_id not in of_all]
            more = [engine.store.get(document_id) for document_id in missing]  # of a reader that searches again
            by_vectors, by_words = self._screen.floors(text, hits, documents, wanted)
            finding = of_answer(answer, [*documents, *more])
            yield replace(finding, read=read, floor_dense=by_vectors, floor_words=by_words)

    def _claim(self, before: Finding) -> Finding:
        engine = self._engine
        hits = engine.hits(engine.candidates_for_claims([before.subject], N_READ), 0, N_READ)
        documents = engine.store.read([hit.row for hit in hits])
        read = _read(documents)
        if read and read == before.read:
            return before
        finding = find(open_model(), before.subject, documents)
        citations: list[Citation] = [*finding.supporting, *finding.contradicting]
        cited = {citation.document_id for citation in citations if not citation.retracted}
        return Finding(
            before.subject,
            "claim",
            finding.verdict,
            {finding.verdict: finding.probability} if finding.verdict != "not_found" else {},
            tuple(cited_article(document) for document in documents if document.id in cited),
            finding.verdict == "mixed",
            read,
            *self._screen.floors(before.subject, hits, documents, N_READ),
        )

    def _references(self, before: Finding) -> Finding:
        store = self._engine.store
        rows = store.find([cited.document_id for cited in before.cited])
        documents = store.read(rows[rows >= 0])
        now = {document.id: cited_article(document) for document in documents}
        return replace(
            before,
            cited=tuple(now.get(one.document_id, replace(one, deleted=True)) for one in before.cited),
            read=_read(documents),
        )


def _read(documents: Sequence[Document]) -> dict[str, str]:
    return {document.id: fingerprint(document) for document in documents}


def _verdict(answer: Answer) -> str:
    if answer.abstained:
        return NO_ANSWER
    if answer.verdict is not None:
        return answer.verdict
    return answer.exact_answers[0].text if _is_factoid(answer) else ""


def _options(answer: Answer) -> Mapping[str, float]:
    if answer.abstained:
        return {}
    if answer.verdict_probabilities:
        return dict(answer.verdict_probabilities)
    return {exact.text: exact.score for exact in answer.exact_answers} if _is_factoid(answer) else {}


def _is_factoid(answer: Answer) -> bool:
    from ragqa.answer.question import question_type

    kind = answer.question.type or question_type(answer.question.text)
    return kind == "factoid" and bool(answer.exact_answers)
