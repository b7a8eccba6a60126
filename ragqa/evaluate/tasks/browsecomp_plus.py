"""BrowseComp-Plus: questions that take many searches, over a fixed corpus; and sets of one's own in its form."""

from collections.abc import Sequence
from pathlib import Path

from ragqa.errors import SourceError, UsageError
from ragqa.evaluate.tasks.evidence import GoldEvidence
from ragqa.evaluate.tasks.formats.browsecomp import Query, read_queries
from ragqa.evaluate.tasks.formats.read import listed
from ragqa.evaluate.tasks.formats.trec import read_qrels
from ragqa.evaluate.tasks.search_scores import HOLDS_ANSWER
from ragqa.evaluate.tasks.task import CorpusSource, Task, TaskQuestion, checked

NAME = "browsecomp-plus"
QUERY_FILES = ("browsecomp_plus_decrypted.jsonl", "decrypted.jsonl", "queries.jsonl")
CORPUS_FILES = ("corpus.jsonl", "corpus.jsonl.gz")
EVIDENCE_FILES = ("qrel_evidence.txt",)
GOLD_FILES = ("qrel_golds.txt", "qrel_gold.txt")
_FOLDERS = ("", "data", "topics-qrels")


def load(data: Path | None, split: str | None = None, setting: str | None = None) -> tuple[Task, ...]:
    """Read the decrypted queries, and say what corpus they are asked of.

    Parameters
    ----------
    data
        The decrypted queries, or a folder with them. In a folder, also below ``data/`` and ``topics-qrels/``,
        ``corpus.jsonl`` is the corpus (without it, the documents of the queries are), and ``qrel_evidence.txt`` and
        ``qrel_golds.txt`` take the place of the documents that the queries list as evidence and gold.
    split, setting
        There are none.

    Raises
    ------
    UsageError
        No data, or a split or setting was given.
    SourceError
        A file is missing, malformed or still encrypted, a query is there twice, no query has evidence, or evidence is
        not among the documents of the queries where these are the corpus.
    """
    if split or setting:
        raise UsageError(f"the task {NAME!r} has neither splits nor settings; leave --split and --setting out")
    if data is None:
        raise UsageError(f"the task {NAME!r} needs its data: --data FILE_OR_FOLDER with {QUERY_FILES[0]}")
    path = _queries_file(data)
    queries = read_queries(path)
    corpus = _file(data, CORPUS_FILES)
    evidence, n_elsewhere = _judged(data, EVIDENCE_FILES, queries)
    gold, _ = _judged(data, GOLD_FILES, queries)
    questions = tuple(_question(query, evidence, gold) for query in queries)
    if questions and not any(question.relevant for question in questions):
        raise SourceError(f"{path}: no query has evidence_docs; put {EVIDENCE_FILES[0]} beside it")
    if corpus is None:
        _refuse_outside(queries, questions, path)
    task = Task(
        name=NAME,
        questions=questions,
        scorers=("searching", "short_answers", "confidence", "retrieval"),
        primary="evidence_recall",
        measures=("nDCG@10", "R@5", "R@100"),
        corpus=CorpusSource(NAME, corpus or path),
        counts={
            "n_questions": len(questions),
            "n_without_evidence": sum(not question.relevant for question in questions),
            "n_judged_elsewhere": n_elsewhere,
        },
        notes=(
            "exact_match and answer_f1 compare words; BrowseComp-Plus' accuracy is that of a language model as judge, "
            "which takes other wordings for right, too",
        ),
    )
    return (checked(task, str(path)),)


def _queries_file(data: Path) -> Path:
    if not data.exists():
        raise SourceError(f"there is nothing at {data}; give the decrypted queries, or their folder, with --data")
    if not data.is_dir():
        return data
    found = _file(data, QUERY_FILES)
    if found is None:
        raise SourceError(f"{data} holds no file {' or '.join(QUERY_FILES)}; give the decrypted queries with --data")
    return found


def _file(data: Path, names: Sequence[str]) -> Path | None:
    """The first file of these names that is there; None for a single file, which comes alone."""
    if not data.is_dir():
        return None
    places = (data / folder / name for name in names for folder in _FOLDERS)
    return next((place for place in places if place.is_file()), None)


def _judged(
    data: Path, names: Sequence[str], queries: Sequence[Query]
) -> tuple[dict[str, tuple[str, ...]] | None, int]:
    """The documents that a file judges as relevant, None for no file; and how many of its queries are not asked."""
    path = _file(data, names)
    if path is None:
        return None, 0
    judged = read_qrels(path)
    asked = {query.id for query in queries}
    if not asked & judged.keys():
        raise SourceError(
            f"{path} judges none of the {len(asked)} queries ({listed(sorted(asked))}), but "
            f"{listed(list(judged))}; check that the files belong together"
        )
    documents = {query: tuple(d for d, grade in grades.items() if grade > 0) for query, grades in judged.items()}
    return documents, len(judged.keys() - asked)


def _question(
    query: Query, evidence: dict[str, tuple[str, ...]] | None, gold: dict[str, tuple[str, ...]] | None
) -> TaskQuestion:
    needed = query.evidence if evidence is None else evidence.get(query.id, ())
    answering = query.gold if gold is None else gold.get(query.id, ())
    return TaskQuestion(
        id=query.id,
        text=query.text,
        type="factoid",
        relevant=dict.fromkeys(needed, 1),
        exact_answer=(query.answers,),
        evidence=tuple(GoldEvidence(document, HOLDS_ANSWER) for document in answering),
    )


def _refuse_outside(queries: Sequence[Query], questions: Sequence[TaskQuestion], path: Path) -> None:
    """Refuse judgements of documents that the corpus, made of the queries' own documents, does not hold."""
    there = {document for query in queries for document in (*query.evidence, *query.gold, *query.negative)}
    outside = sorted({document for question in questions for document in question.relevant} - there)
    if outside:
        raise SourceError(
            f"{len(outside)} documents that {EVIDENCE_FILES[0]} judges are not among those of {path.name} "
            f"({listed(outside)}); put the corpus beside it as {CORPUS_FILES[0]}"
        )
