"""BioGen's task A end to end: a text is checked, and what was found is scored against gold by the harness."""

import json
from pathlib import Path
from typing import Any

import pytest

from ragqa import products
from ragqa.check.types import Checked, CheckedClaim, Citation, Skip
from ragqa.cli import run as cli
from ragqa.evaluate.measures.grounding import SentenceCitations
from ragqa.evaluate.tasks.formats.checked import as_grounded

CLAIM = "Preoperative statins reduce the risk of atrial fibrillation after coronary surgery."
TEXT = f"{CLAIM} Is that safe?\n\nTuba players in the arctic winter prefer moonlight.\n"
FOR_IT, AGAINST_IT, BESIDE_IT = "101", "102", "103"
ARTICLES = {
    FOR_IT: "Preoperative statins reduced the risk of atrial fibrillation after coronary surgery.",
    AGAINST_IT: "Preoperative statins did not reduce the risk of atrial fibrillation after coronary surgery.",
    BESIDE_IT: "Sheep eat grass in summer, and sleep in the shade.",
}


def gold(supported: list[str], contradicted: list[str]) -> list[dict[str, Any]]:
    sentences = [
        {"text": CLAIM, "supported_citations": supported, "contradicted_citations": contradicted},
        {"text": "Is that safe?"},
        {"text": "Tuba players do."},
    ]  # fmt: skip
    return [{"metadata": {"qa_id": "116", "question": "What do statins do?"}, "answer": sentences}]


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    """The articles searched for what the text says."""
    rows = [{"_id": key, "title": f"Trial {key}", "text": text} for key, text in ARTICLES.items()]
    (tmp_path / "articles.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    products.import_corpus("articles", tmp_path / "articles.jsonl", "jsonl")
    products.build_index("articles", "bm25-anserini", "articles")
    (tmp_path / "116.txt").write_text(TEXT)
    out = tmp_path / "116.jsonl"
    assert cli(["check", str(tmp_path / "116.txt"), "--index", "articles", "--out", str(out)]) == 0
    return out


def scored(submission: Path, path: Path, answers: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> Any:
    path.write_text(json.dumps(answers))
    capsys.readouterr()
    command = [
        "eval",
        "import",
        str(submission),
        "--task",
        "biogen",
        "--data",
        str(path),
        "--label",
        path.stem,
        "--json",
    ]
    assert cli(command) == 0
    return json.loads(capsys.readouterr().out)


def test_a_text_is_checked_and_scored_as_biogen_scores(
    submission: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = [json.loads(text) for text in submission.read_text().splitlines()]
    assert [one["text"].split()[0] for one in line["answer"]] == ["Preoperative", "Is", "Tuba"]

    right = scored(submission, tmp_path / "right.json", gold([FOR_IT], [AGAINST_IT]), capsys)
    turned = scored(submission, tmp_path / "turned.json", gold([AGAINST_IT], [FOR_IT]), capsys)
    half = scored(submission, tmp_path / "half.json", gold([FOR_IT, BESIDE_IT], [AGAINST_IT]), capsys)

    kinds = ("supporting", "contradicting")
    assert [right["metrics"][f"{kind}_citations_f1"] for kind in kinds] == [1.0, 1.0]
    assert [turned["metrics"][f"{kind}_citations_f1"] for kind in kinds] == [0.0, 0.0]
    assert half["metrics"]["supporting_citations_recall"] == 0.5
    assert half["metrics"]["supporting_citations_precision"] == 1.0


def test_a_sentence_of_two_claims_stays_one_and_only_pmids_are_cited() -> None:
    text = "Statins lower LDL, and they raise HDL. Ask your doctor."

    def cited(*ids: str) -> tuple[Citation, ...]:
        return tuple(Citation(one, "abstract", 0, 1, "q", 0.9) for one in ids)

    claims = (
        CheckedClaim(0, 0, 17, text[:17], "a", "supported", 0.9, cited("1", "s2:7")),
        CheckedClaim(0, 23, 38, text[23:38], "b", "mixed", 0.9, cited("1", "2"), cited("3")),
    )
    skipped = (Skip(0, 39, len(text), text[39:], "opinion or advice"), Skip(1, 0, 5, "Title", "heading"))
    answer = as_grounded(Checked((("paragraph", text), ("heading", "Title")), claims, (), skipped, {}), "a")

    assert answer.sentences == (
        ("Statins lower LDL, and they raise HDL.", SentenceCitations(("1", "2"), ("3",))),
        ("Ask your doctor.", SentenceCitations()),
    )
