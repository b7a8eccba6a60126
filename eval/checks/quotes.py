"""Ask many questions and check every quote of every answer in the corpus's Parquet parts, read here by pyarrow alone.

    python eval/checks/quotes.py --index NAME --questions FILE.jsonl [-n 200]

FILE holds one question a line, ``{"_id": …, "text": …}``. An answer without statements (an abstention) has no quote
to check and is not counted among the n: questions are asked until n answers with statements were walked.
"""

import argparse
import json
import sys
from pathlib import Path

import pyarrow.parquet as pq

import ragqa
from ragqa import products
from ragqa.types import Answer, Span


def texts_of(corpus: str, document_ids: set[str]) -> dict[tuple[str, str], set[str]]:
    """The texts of each (document id, section name), read from the Parquet parts without ragqa's own store.

    Several versions of one record may be in the parts: all their texts are given.
    """
    texts: dict[tuple[str, str], set[str]] = {}
    for part in sorted(products.product_folder("corpora", corpus).glob("parts/*/documents.parquet")):
        table = pq.read_table(part, columns=["id", "sections"], filters=[("id", "in", sorted(document_ids))])
        for record in table.to_pylist():
            for section in record["sections"]:
                texts.setdefault((record["id"], section["name"]), set()).add(section["text"])
    return texts


def spans_of(answer: Answer) -> list[Span]:
    """Every span of an answer: of its statements and of its exact answers."""
    parts = [*answer.statements, *answer.exact_answers]
    return [span for part in parts for span in part.spans]


def main() -> None:
    """Walk the answers; exit 1 if a quote is not where its span says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("-n", type=int, default=200, help="how many answers with statements to walk")
    arguments = parser.parse_args()
    questions = [json.loads(line) for line in arguments.questions.read_text(encoding="utf-8").splitlines()]
    answers: list[Answer] = []
    abstained = 0
    with ragqa.open(arguments.index) as engine:
        for question in questions:
            answer = engine.ask(question["text"])
            abstained += answer.abstained
            if answer.statements:
                answers.append(answer)
            if len(answers) == arguments.n:
                break
        corpus = engine.store.name
    spans = [(answer, span) for answer in answers for span in spans_of(answer)]
    texts = texts_of(corpus, {span.document_id for _, span in spans})
    wrong = [
        (answer, span)
        for answer, span in spans
        if not any(
            text[span.begin : span.end] == span.quote for text in texts.get((span.document_id, span.section), ())
        )
    ]
    uncited = [answer for answer in answers if not all(statement.spans for statement in answer.statements)]
    for answer, span in wrong:
        print(f"WRONG: {answer.question.text!r}: {span}")
    for answer in uncited:
        print(f"UNCITED: {answer.question.text!r}")
    bad = {answer.question.text for answer, _ in wrong} | {answer.question.text for answer in uncited}
    print(
        f"{len(answers) - len(bad)} of {len(answers)} answers have every quote at its place "
        f"({len(spans)} spans; {abstained} abstentions on the way)"
    )
    sys.exit(bool(bad) or not answers)


if __name__ == "__main__":
    main()
