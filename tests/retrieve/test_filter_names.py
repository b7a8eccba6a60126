"""Filters whose names are misspelt are refused with the name that was meant; right ones are obeyed, found or not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import ragqa
from ragqa.cli import run
from ragqa.corpus.mesh_files import read_mesh
from ragqa.corpus.vocabulary import Vocabulary
from ragqa.engine import Engine
from ragqa.errors import UsageError
from ragqa.retrieve.filter_names import FilterKind
from ragqa.types import Filter

QUESTION = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
MISSPELT: list[tuple[FilterKind, str, str]] = [
    ("mesh", "Atrial Fibrilation", "Atrial Fibrillation"),
    ("mesh", "atrial fibrillaton", "Atrial Fibrillation"),
    ("mesh", "Coronary Bypass", "Coronary Artery Bypass"),
    ("mesh", "Coronory Artery Bypass", "Coronary Artery Bypass"),
    ("mesh", "Hypertention", "Hypertension"),
    ("mesh", "Diabetis Mellitus", "Diabetes Mellitus"),
    ("mesh", "Type 2 diabetes mellitus", "Diabetes Mellitus, Type 2"),
    ("mesh", "Myocardial Infraction", "Myocardial Infarction"),
    ("mesh", "Pnuemonia", "Pneumonia"),
    ("mesh", "Asthmma", "Asthma"),
    ("mesh", "Alzheimer's disease", "Alzheimer Disease"),
    ("mesh", "Rheumatoid Arthritis", "Arthritis, Rheumatoid"),
    ("mesh", "Schizofrenia", "Schizophrenia"),
    ("mesh", "Diarrhoea", "Diarrhea"),
    ("mesh", "Anaemia", "Anemia"),
    ("mesh", "Leukaemia", "Leukemia"),
    ("mesh", "Breast Neoplasm", "Breast Neoplasms"),
    ("mesh", "Brest Neoplasms", "Breast Neoplasms"),
    ("mesh", "Oesophageal Neoplasms", "Esophageal Neoplasms"),
    ("mesh", "Pregnacy", "Pregnancy"),
    ("mesh", "Parkinsons disease", "Parkinson Disease"),
    ("mesh", "Osteoporisis", "Osteoporosis"),
    ("mesh", "HIV infection", "HIV Infections"),
    ("mesh", "Hepatitus B", "Hepatitis B"),
    ("mesh", "Migrane Disorders", "Migraine Disorders"),
    ("mesh", "Obesety", "Obesity"),
    ("mesh", "Coeliac Disease", "Celiac Disease"),
    ("mesh", "Tuberclosis", "Tuberculosis"),
    ("mesh", "Multiple Sclerosus", "Multiple Sclerosis"),
    ("mesh", "Apendicitis", "Appendicitis"),
    ("publication_types", "Randomised Controlled Trial", "Randomized Controlled Trial"),
    ("publication_types", "RCT", "Randomized Controlled Trial"),
    ("publication_types", "Metaanalysis", "Meta-Analysis"),
    ("publication_types", "Meta Analyses", "Meta-Analysis"),
    ("publication_types", "Systemic Review", "Systematic Review"),
    ("publication_types", "Case report", "Case Reports"),
    ("publication_types", "Practise Guideline", "Practice Guideline"),
    ("publication_types", "Phase III Clinical Trial", "Clinical Trial, Phase III"),
    ("journals", "N Engl J Med", "The New England journal of medicine"),
    ("journals", "New England Jornal of Medicine", "The New England journal of medicine"),
    ("journals", "Lancet", "Lancet (London, England)"),
    ("journals", "The Lancet", "Lancet (London, England)"),
    ("journals", "Ann Intern Med", "Annals of internal medicine"),
    ("journals", "J Clin Oncol", "Journal of clinical oncology : official journal of the American Society of Oncology"),
    ("journals", "British Medical Journal", "British medical journal (Clinical research ed.)"),
    ("journals", "Circulaton", "Circulation"),
    ("journals", "PloS ONE.", "PloS one"),
    ("languages", "Germann", "ger"),
    ("languages", "Englisch", "eng"),
    ("languages", "Portugese", "por"),
]
JOURNALS = (
    *dict.fromkeys(name for kind, _, name in MISSPELT if kind == "journals"),
    "Annals of emergency medicine", "Journal of clinical endocrinology and metabolism", "The Lancet. Oncology",
    "JAMA internal medicine", "Medical journal of Australia", "Circulation research", "Cancer", "Nature", "Science",
    "The New Zealand medical journal", "Journal of clinical investigation", "PLoS medicine",
    "British journal of surgery",
)  # fmt: skip


@pytest.fixture(scope="module")
def engine(built_sample: Path) -> Iterator[Engine]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGQA_HOME", str(built_sample))
        with ragqa.open("sample", ["rerank.reranker=none"]) as opened:
            yield opened


def wrong(suggested: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """The names for which another was suggested than was meant."""
    return [one for one in suggested if one[1] != one[2]]


def test_what_was_meant_by_fifty_misspelt_names_comes_first(engine: Engine) -> None:
    names, journals = engine.filter_names, Vocabulary(dict.fromkeys(JOURNALS, 1))
    suggested = [
        (bad, journals.nearest(bad, 1)[0] if kind == "journals" else names.nearest(kind, bad, 1)[0].name, good)
        for kind, bad, good in MISSPELT
        if kind != "mesh" or good in (engine.store.mesh() or ())
    ]

    assert len(MISSPELT) == 50
    assert len(suggested) >= 40
    assert len(wrong(suggested)) <= 0.1 * len(suggested), wrong(suggested)


def test_it_comes_first_among_all_of_mesh(real_data: Path) -> None:
    read = read_mesh(real_data / "mesh" / "2017MeshTree.txt")
    headings = Vocabulary(dict.fromkeys((one.name for one in read), 0))
    suggested = [(bad, headings.nearest(bad, 1)[0], good) for kind, bad, good in MISSPELT if kind == "mesh"]

    assert len(headings) > 20_000
    assert len(wrong(suggested)) <= 0.1 * len(suggested), wrong(suggested)


@pytest.mark.parametrize(
    ("allowed", "message"),
    [
        (Filter(mesh=("Atrial Fibrilation",)), "'Atrial Fibrilation' is no MeSH heading .* 'Atrial Fibrillation'"),
        (Filter(mesh=("Humans", "Asthmma")), "'Asthmma' is no MeSH heading"),
        (Filter(publication_types=("RCT",)), "'RCT' is no publication type .* 'Randomized Controlled Trial'"),
        (Filter(journals=("The Lancett",)), "'The Lancett' is no journal .* 'Lancet .London, England.'"),
        (Filter(languages=("Germann",)), r"'Germann' is no language .* 'ger' \(German\)"),
        (Filter(mesh=("D999999999",)), "no record of this index has the MeSH heading 'D999999999'"),
        (Filter(mesh=("!?",)), "write its name in letters"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(engine: Engine, allowed: Filter, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        engine.search(QUESTION, 3, allowed)
    with pytest.raises(UsageError, match=message):
        engine.ask(QUESTION, allowed=allowed)


@pytest.mark.parametrize(
    ("allowed", "finds"),
    [
        (Filter(mesh=("atrial fibrillation",)), True),
        (Filter(mesh=("D002648",)), True),  # a UI, though the tree has none
        (Filter(mesh=("Cardiovascular Diseases",)), True),  # by its narrower headings alone
        (Filter(publication_types=("D016449",)), True),
        (Filter(journals=("lancet (london, england)",)), True),
        (Filter(languages=("English",)), True),
        (Filter(languages=("en", "ger")), True),
        (Filter(languages=("German",)), False),
        (Filter(publication_types=("Practice Guideline",)), False),
        (Filter(year_from=2100), False),
    ],
)
def test_a_right_name_is_obeyed_whether_records_have_it_or_not(engine: Engine, allowed: Filter, finds: bool) -> None:
    assert bool(engine.search(QUESTION, 3, allowed)) == finds


def test_names_are_completed_with_the_most_frequent_first(engine: Engine) -> None:
    names = engine.filter_names

    assert names.starting("mesh", "hum")[0].name == "Humans"
    assert "Atrial Fibrillation" in [one.name for one in names.starting("mesh", "fibr")]
    assert [one.name for one in names.starting("publication_types", "random", 1)] == ["Randomized Controlled Trial"]
    assert [(one.name, one.label) for one in names.starting("languages", "germ")] == [("ger", "German")]
    assert len(names.starting("mesh", "", 7)) == 7
    assert names.starting("journals", "zzz") == ()


def test_the_command_line_names_what_was_meant(sample_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", QUESTION, "--mesh", "Atrial Fibrilation"]) == 2

    assert "did you mean 'Atrial Fibrillation'?" in capsys.readouterr().err


def test_a_corpus_without_names_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_beir: Path) -> None:
    from ragqa import products

    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "own"))
    products.import_corpus("small", small_beir / "corpus.jsonl", "jsonl")
    products.build_index("small", "bm25-anserini")
    with ragqa.open("small") as engine, pytest.raises(UsageError, match="name none; leave the filter out"):
        engine.search("statin", 3, Filter(mesh=("Asthma",)))
