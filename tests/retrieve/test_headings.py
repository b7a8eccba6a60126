"""Entry terms of MeSH in questions and filters: understood where the documents have the heading only."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import ragqa
from ragqa import products
from ragqa.answer.as_read import as_read
from ragqa.corpus.mesh import Heading, Mesh
from ragqa.corpus.mesh_files import encode_mesh
from ragqa.engine import Engine
from ragqa.errors import UsageError
from ragqa.index.lexicon import Lexicon
from ragqa.retrieve.filter_names import FilterName
from ragqa.retrieve.headings import in_headings
from ragqa.types import Document, Filter, Question, Section

MESH = Mesh([
    Heading("Myocardial Infarction", "D009203", ("C14.280.647.500",), ("Heart Attack", "Myocardial Infarct")),
    Heading("Acetaminophen", "D000082", ("D02.065.199.092.040",), ("Tylenol", "Panadol")),
    Heading("Diabetes Mellitus, Type 2", "D003924", ("C18.452.394.750.149",), ("NIDDM", "Type 2 Diabetes")),
    Heading("Zoster Sine Herpete", "D061206", ("C02.256.466.930.750.500",), ("Zosterless Shingles",)),
    Heading("Shock, Cardiogenic", "D012770", ("C14.280.647.500.750",)),
])  # fmt: skip
TEXTS = (
    "Aspirin after myocardial infarction. Cardiogenic shock followed myocardial infarction.",
    "Acetaminophen lowers fever. Myocardial infarcts heal.",
    "Metformin in type 2 diabetes mellitus and attack rates; the heart.",
)
LEXICON = Lexicon.of(Document(str(number), (Section("title", text),)) for number, text in enumerate(TEXTS))


@pytest.mark.parametrize(
    ("question", "read"),
    [
        ("Does Tylenol lower fever?", "Does acetaminophen lower fever?"),
        ("Is NIDDM treated with metformin?", "Is type 2 diabetes mellitus treated with metformin?"),
        ("Tylenol, Panadol or aspirin?", "acetaminophen, acetaminophen or aspirin?"),
    ],
)
def test_a_term_that_the_documents_lack_is_read_as_its_heading(question: str, read: str) -> None:
    text, changes = in_headings(question, LEXICON, MESH)

    assert text == read
    assert set(changes.values()) <= {"acetaminophen", "type 2 diabetes mellitus"}
    assert all(term in question for term in changes)


@pytest.mark.parametrize(
    "question",
    [
        "Is a heart attack treated with aspirin?",  # the documents have both words
        "Does zosterless shingles hurt?",  # nor do they have the heading
        "Does acetaminophen lower fever?",
        "Does aspirin help?",
        "???",
    ],
)
def test_all_else_stays(question: str) -> None:
    assert in_headings(question, LEXICON, MESH) == (question, {})


def test_what_was_changed_is_told_and_no_longer_unknown() -> None:
    asked = Question("Does Panadol lower fever?")
    told, untold = (as_read(asked, LEXICON, Filter(), normalises=True, mesh=mesh) for mesh in (MESH, None))

    assert told.changes == (("Panadol", "acetaminophen"),)
    assert (told.read.text, told.unknown) == ("Does acetaminophen lower fever?", ())
    assert untold.unknown == ("Panadol",)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    home: Path = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGQA_HOME", str(home))
        (home / "corpora").mkdir()
        headings = (["Myocardial Infarction"], ["Acetaminophen"], ["Shock, Cardiogenic"])
        lines = (
            {"_id": str(number), "title": text, "text": text, "mesh": own}
            for number, (text, own) in enumerate(zip(TEXTS, headings, strict=True))
        )
        (home / "corpora" / "demo.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        records = "".join(
            f"<DescriptorRecord><DescriptorUI>{one.ui}</DescriptorUI><DescriptorName><String>{one.name}</String>"
            f"</DescriptorName><TreeNumberList><TreeNumber>{one.tree_numbers[0]}</TreeNumber></TreeNumberList>"
            "<ConceptList><Concept><TermList>"
            + "".join(f'<Term IsPermutedTermYN="N"><String>{term}</String></Term>' for term in one.entry_terms)
            + "</TermList></Concept></ConceptList></DescriptorRecord>"
            for one in MESH.headings.values()
        )
        (home / "corpora" / "desc2026.xml").write_text(f"<DescriptorRecordSet>{records}</DescriptorRecordSet>")
        recipe = 'format = "jsonl"\nsources = ["demo.jsonl"]\nmesh = "desc2026.xml"\n'
        (home / "corpora" / "demo.toml").write_text(recipe)
        products.build_index("demo", "bm25-anserini")
        with ragqa.open("demo") as opened:
            yield opened


def test_a_filter_takes_an_entry_term_with_the_headings_below_its_own(engine: Engine) -> None:
    assert {hit.document_id for hit in engine.search("aspirin metformin fever", 5, Filter(mesh=("heart attack",)))} == {
        "0",
        "2",
    }
    assert [hit.document_id for hit in engine.search("fever", 5, Filter(mesh=("Tylenol",)))] == ["1"]


def test_completion_and_suggestions_name_the_term_that_was_meant(engine: Engine) -> None:
    assert engine.filter_names.starting("mesh", "heart at") == (FilterName("Myocardial Infarction", "Heart Attack"),)
    assert engine.filter_names.starting("mesh", "myo")[0] == FilterName("Myocardial Infarction")
    assert engine.filter_names.nearest("mesh", "Hart Atack", 1) == (
        FilterName("Myocardial Infarction", "Heart Attack"),
    )
    with pytest.raises(UsageError, match=r"did you mean 'Acetaminophen' \(Tylenol\)"):
        engine.search("fever", 5, Filter(mesh=("Tylanol",)))


def test_the_headings_are_read_again_only_when_their_file_has_changed(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGQA_HOME", str(engine.store.folder.parents[1]))
    (kept,) = (engine.store.folder / "parts").glob("mesh-*.jsonl")
    before = kept.stat().st_mtime_ns

    products.build_corpus("demo")

    assert kept.stat().st_mtime_ns == before
    assert kept.read_bytes() == encode_mesh(MESH.headings.values())
