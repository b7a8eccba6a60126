"""What stands against a sentence as evidence, and what does not."""

import json
import os
from pathlib import Path

import pytest

from ragqa.answer.chat.replies import Cited, read_reply
from ragqa.answer.chat.verify import Library
from ragqa.answer.question import analyse
from ragqa.answer.support import Article, conflict, states_aim
from ragqa.reader.model import open_model
from ragqa.types import Document, Question, Section

CONFLICTS = [
    ("direction", "Sildenafil worsens erectile function.", "Sildenafil improved erectile function in men."),
    ("direction", "Pyridostatin decreases telomere fragility.", "Pyridostatin increases telomere fragility."),
    ("direction", "Aspirin prevents stroke.", "Aspirin did not prevent stroke."),
    ("direction", "Aspirin increases bleeding.", "Aspirin reduced strokes but had no effect on bleeding."),
    ("direction", "NOACs carry a higher risk of death.", "Patients with NOACs had a lower risk of death."),
    ("direction", "FGF21 raises lifespan.", "FGF21 had no effect on lifespan."),
    ("direction", "FGF21 reduces lifespan.", "Lack of FGF21 reduces lifespan."),
    ("denial", "Coffee is linked to gout.", "Coffee was not linked to gout."),
    ("denial", "PrP is not a kinase.", "PrP is a kinase."),
    ("number", "32% of programmes stopped methadone.", "In all, 23% of programmes stopped methadone."),
    ("number", "One in two trials were stopped.", "One in five trials were stopped."),
    ("number", "It fell by 2.5 mmol/L.", "It fell by 25 mmol/L."),
    ("number", "The ratio was 0,85.", "The ratio was 85."),
    ("number", "It changed by -2.5 mmol/L.", "It changed by -3.5 mmol/L."),
    ("number", "Between 10-15% relapsed.", "Between 10-25% relapsed."),
    ("name", "Atorvastatin lowers LDL.", "Rosuvastatin lowers LDL."),
    ("name", "BRCA1 carriers have more cancer.", "BRCA2 carriers have more cancer."),
    ("name", "IL-6 is raised in sepsis.", "IL-8 is raised in sepsis."),
    ("name", "Type 1 diabetes is autoimmune.", "Type 2 diabetes is autoimmune."),
    ("name", "Vitamin D lowers parathyroid hormone.", "Vitamin K lowers parathyroid hormone."),
    ("name", "Factor V is deficient.", "Factor VIII is deficient."),
    ("aim", "Aspirin prevents stroke.", "OBJECTIVE To evaluate whether aspirin prevents stroke."),
    ("aim", "Statins prevent delirium.", "Do statins prevent delirium?"),
    ("aim", "Statins prevent delirium.", "We investigated whether statins prevent delirium."),
    ("aim", "Statins prevent delirium.", "The aim of this study was to learn if statins prevent delirium."),
]  # fmt: skip
AGREEMENTS = [
    ("Aspirin reduces strokes.", "Aspirin reduced strokes but increased bleeding."),
    ("Aspirin increases bleeding.", "Aspirin reduced strokes but increased bleeding."),
    ("Aspirin does not raise mortality.", "Mortality fell with aspirin."),
    ("FGF21 raises lifespan.", "Lack of FGF21 reduces lifespan."),
    ("It rose by 57%.", "It rose by 56.8%."),
    ("Two of three patients died.", "Of 3 patients, 2 died."),
    ("BRCA1 carriers have more cancer.", "BRCA1 and BRCA2 carriers have more cancer."),
    ("IL6 is raised in sepsis.", "IL-6 is raised in sepsis."),
    ("Type 2 diabetes is common.", "Type II diabetes is common."),
    ("Metformin not only lowers glucose.", "Metformin lowers glucose."),
    ("1,200 men were followed.", "We followed 1200 men."),
    ("The hazard ratio was 0,85.", "The hazard ratio was 0.85 (95% CI, 0.75-0.96)."),
    ("The interval of the ratio was 0.75 to 0.96.", "The interval of the ratio was 0.75–0.96."),
    ("It fell by 2.5 mmol/L.", "The change was −2.5 mmol/L."),
    ("COVID-19 raised mortality.", "COVID raised mortality."),
    ("Mice without the gene died.", "The mice without the gene died."),
]


@pytest.mark.parametrize(("kind", "statement", "sentence"), CONFLICTS)
def test_a_conflict_is_found(kind: str, statement: str, sentence: str) -> None:
    assert conflict(statement, sentence, Article.of("", [sentence])) == kind


@pytest.mark.parametrize(("statement", "sentence"), AGREEMENTS)
def test_agreement_is_no_conflict(statement: str, sentence: str) -> None:
    assert conflict(statement, sentence, Article.of("", [sentence])) is None


@pytest.mark.parametrize("sentence", [sentence for _, sentence in AGREEMENTS])
def test_a_finding_is_no_aim(sentence: str) -> None:
    assert not states_aim(sentence)


@pytest.mark.parametrize(
    ("text", "left", "numbers"),
    [
        ("Adults (18-65) were helped.", "Adults (18-65) were helped.", ()),
        ("Adults were helped [1-3].", "Adults were helped.", (1, 2, 3)),
        ("Adults were helped [1, 3–5].", "Adults were helped.", (1, 3, 4, 5)),
        ("Adults were helped (sources 2 and 4).", "Adults were helped.", (2, 4)),
        ("It rose (35) at last [2].", "It rose (35) at last.", (2,)),
        ("It rose [5-2].", "It rose.", (5, 2)),
        ("Ions such as [1]H do not count.", "Ions such as [1]H do not count.", ()),
    ],
)
def test_what_counts_as_a_citation(text: str, left: str, numbers: tuple[int, ...]) -> None:
    assert read_reply(text).statements == (Cited(left, numbers),)


@pytest.mark.skipif(not os.environ.get("RAGQA_TEST_DATA"), reason="RAGQA_TEST_DATA points at no data")
def test_contradicted_claims_are_kept_far_less_often_than_supported_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the claims that were held back when the model was trained; two thresholds were chosen on them."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "eval" / "training" / "reader"))
    from scifact import load_scifact, scifact_groups
    from texts import held_back

    data = Path(os.environ["RAGQA_TEST_DATA"])
    corpus = data / "beir" / "scifact" / "corpus.jsonl"
    rows, _ = load_scifact(data / "scifact-claims" / "claims_train.csv", corpus)
    groups = scifact_groups(rows)
    articles = {article["_id"]: article for article in map(json.loads, corpus.read_text(encoding="utf-8").splitlines())}
    kept: dict[str, list[bool]] = {"SUPPORT": [], "CONTRADICT": []}
    for row in rows:
        if not held_back(groups[row["id"]], 6):
            continue
        for document_id, (label, _) in row["evidence"].items():
            article = articles[document_id]
            sections = (Section("title", article["title"]), Section("abstract", article["text"]))
            library = Library(analyse(Question(row["claim"])), [Document(document_id, sections)], open_model())
            kept[label].append(bool(library.verify(Cited(row["claim"], (1,)), 0.35).statement.spans))

    shares = {label: sum(values) / len(values) for label, values in kept.items()}

    assert len(kept["CONTRADICT"]) + len(kept["SUPPORT"]) == 89
    # .38 by rules on words alone. Rounding in int8 differs between processors by a claim or two of the 29.
    assert shares["CONTRADICT"] <= 0.28
    assert shares["SUPPORT"] >= 0.62
