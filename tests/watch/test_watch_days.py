"""A simulated week: what is told on each day, and that nothing is told where nothing relevant changed."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

import ragqa
from ragqa import products
from ragqa.check.types import Checked, CheckedReference, summary_of
from ragqa.manifest import json_bytes
from ragqa.watch import items, settings
from ragqa.watch.add import add
from ragqa.watch.run import RunReport, run
from ragqa.watch.types import Item

CANNULAE = "Does changing intravenous cannulae every 48 hours prevent thrombophlebitis?"
STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
STUDY = "19852337"
RCT = "Randomized Controlled Trial"


def record(  # noqa: PLR0917 - as a record has them
    pmid: str, title: str, text: str, kind: str = "Journal Article", links: str = "", version: int = 1
) -> str:
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="{version}">{pmid}</PMID><Article><Journal><JournalIssue>'
        "<PubDate><Year>2020</Year></PubDate></JournalIssue><Title>A journal</Title></Journal>"
        f"<ArticleTitle>{title}</ArticleTitle><Abstract>{text}</Abstract><Language>eng</Language>"
        f"<PublicationTypeList><PublicationType>{kind}</PublicationType></PublicationTypeList></Article>"
        f"<CommentsCorrectionsList>{links}</CommentsCorrectionsList></MedlineCitation></PubmedArticle>"
    )


def link(kind: str, pmid: str) -> str:
    return f'<CommentsCorrections RefType="{kind}"><PMID Version="1">{pmid}</PMID></CommentsCorrections>'


def abstract(results: str, conclusions: str) -> str:
    return (
        f'<AbstractText Label="RESULTS" NlmCategory="RESULTS">{results}</AbstractText>'
        f'<AbstractText Label="CONCLUSIONS" NlmCategory="CONCLUSIONS">{conclusions}</AbstractText>'
    )


@dataclass
class Days:
    """A home whose sample corpus grows by a file a day."""

    home: Path
    n: int = 2

    def day(self, records: Sequence[str] = (), deleted: Sequence[str] = ()) -> None:
        self.n += 1
        gone = "".join(f'<PMID Version="1">{pmid}</PMID>' for pmid in deleted)
        deletions = f"<DeleteCitation>{gone}</DeleteCitation>" if deleted else ""
        path = self.home / "corpora" / "sample" / "sources" / f"sample26n{self.n:04d}.xml"
        path.write_text(f"<PubmedArticleSet>{''.join(records)}{deletions}</PubmedArticleSet>")
        products.update("sample")

    def look(self, *overrides: str) -> RunReport:
        return run("sample", settings.load(overrides))

    def digest(self, records: Sequence[str]) -> str:
        """The digest of a day as Markdown, "" for none."""
        folder = self.home / "watch" / "digests"
        before = set(folder.glob("*.md"))
        if records:
            self.day(records)
        self.look()
        return "".join(path.read_text() for path in set(folder.glob("*.md")) - before)


@pytest.fixture
def days(built_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    """The built sample, copied into a home of the test's own, to be updated."""
    home = tmp_path / "days"
    shutil.copytree(built_sample, home)
    shipped = Path(products.home.shipped()) / "corpora"
    shutil.copytree(shipped / "sample" / "sources", home / "corpora" / "sample" / "sources")
    shutil.copy(shipped / "sample" / "mesh-tree.txt", home / "corpora" / "sample" / "mesh-tree.txt")
    shutil.copy(shipped / "sample.toml", home / "corpora" / "sample.toml")
    monkeypatch.setenv("RAGQA_HOME", str(home))
    return Days(home)


def watched(given: str) -> Item:
    with ragqa.open("sample") as engine:
        return add(engine, given)


def unmarked(digest: str) -> str:
    """Markdown without backslashes and the probabilities."""
    return re.sub(r"\\| \(\d+%\)", "", digest)


def kinds(report: RunReport) -> set[str]:
    return {change.kind for alert in report.alerts for change in alert.changes}


def test_a_retraction_of_a_cited_trial_is_told_once_and_a_quiet_day_is_silent(days: Days) -> None:
    item = watched(CANNULAE)
    assert STUDY in {cited.document_id for cited in item.findings[0].cited}
    other = watched("Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?")

    days.day([record("90000001", "Growth of wheat in dry soil", abstract("Wheat grew.", "Dry soil is hard."))])
    quiet = days.look()
    text = abstract("Thrombophlebitis developed in all controls.", "Re-siting cannulae reduces thrombophlebitis.")
    title = "Changing intravenous cannulae every 48 hours to prevent thrombophlebitis: a randomized study."
    days.day([record(STUDY, title, text, RCT, link("RetractionIn", "90000002"), version=2)])
    told = days.look()
    again = days.look()

    assert (quiet.n_new_documents, quiet.alerts) == (1, ())
    assert [alert.item.id for alert in told.alerts] == [item.id]
    assert "retracted" in kinds(told)
    assert (again.n_asked, again.alerts) == (0, ())
    assert {one.id for one in items.read_all()} == {item.id, other.id}
    digest = next((days.home / "watch" / "digests").glob("*.md")).read_text()
    assert "A cited article was retracted" in digest
    assert f"https://pubmed.ncbi.nlm.nih.gov/{STUDY}/" in digest


def test_a_deleted_article_a_concern_and_a_correction_are_told(days: Days) -> None:
    watched(CANNULAE)
    title = "Changing intravenous cannulae every 48 hours to prevent thrombophlebitis: a randomized study."
    text = abstract(
        "Thrombophlebitis developed in all 21 controls (100%) but in only 2 of 21 (9.5%) with scheduled changes.",
        "Re-siting cannulae every 48 hours markedly reduces thrombophlebitis.",
    )

    days.day([record(STUDY, title, text, RCT, link("ExpressionOfConcernIn", "90000003"), version=2)])
    concern = days.look()
    links = link("ExpressionOfConcernIn", "90000003") + link("ErratumIn", "90000004")
    days.day([record(STUDY, title, text, RCT, links, version=3)])
    corrected = days.look()
    days.day(deleted=[STUDY])
    deleted = days.look()

    assert "concern" in kinds(concern)
    assert "corrected" in kinds(corrected)
    assert "concern" not in kinds(corrected)
    assert "deleted" in kinds(deleted)


def test_a_new_trial_that_turns_the_verdict_is_told(days: Days) -> None:
    item = watched(CANNULAE)
    assert item.findings[0].verdict == "yes"

    records = [
        record(
            f"9000001{number}",
            f"Changing cannulae every 48 hours does not prevent thrombophlebitis: a randomized trial {number}",
            abstract(
                "Changing cannulae every 48 hours did not prevent thrombophlebitis: 31% against 30% (p=0.9).",
                "Changing cannulae every 48 hours does not prevent thrombophlebitis and is not recommended.",
            ),
            RCT,
        )
        for number in range(4)
    ]
    days.day(records)
    told = days.look()

    assert kinds(told) & {"verdict", "probability", "conflict"}
    assert told.n_asked == 1


def test_a_claim_and_a_text_are_watched_claim_by_claim(days: Days) -> None:
    path = days.home / "leaflet.txt"
    path.write_text(
        "Changing intravenous cannulae every 48 hours reduces thrombophlebitis. "
        "Preoperative statins reduce atrial fibrillation after coronary artery bypass grafting."
    )
    item = watched(str(path))
    assert [finding.kind for finding in item.findings] == ["claim", "claim"]
    assert STUDY in {cited.document_id for cited in item.findings[0].cited}

    days.day(deleted=[STUDY])
    told = days.look()

    assert "deleted" in kinds(told)
    assert {change.subject for alert in told.alerts for change in alert.changes} == {item.findings[0].subject}


def test_a_week_with_a_retraction_a_new_trial_and_an_erratum(days: Days) -> None:
    question = watched(CANNULAE)
    with ragqa.open("sample") as engine:
        (days.home / "answer.json").write_bytes(json_bytes(engine.ask(STATINS)))
        answer = add(engine, str(days.home / "answer.json"))
        cited = engine.store.get(answer.findings[0].cited[0].document_id)
    about = "Changing intravenous cannulae every 48 hours"
    trial = "We randomly assigned 3,283 patients. Thrombophlebitis developed in 7% of both groups (p=0.9)."
    updates: dict[str, list[str]] = {
        "Monday": [],
        "Tuesday": [record("90000001", "Growth of wheat in dry soil", abstract("Wheat grew.", "Dry soil is hard."))],
        "Wednesday": [
            record(
                STUDY,
                f"{about} to prevent thrombophlebitis: a randomized study.",
                abstract("Thrombophlebitis developed in all controls.", "Re-siting cannulae reduces thrombophlebitis."),
                RCT,
                link("RetractionIn", "90000002"),
                version=2,
            )
        ],
        "Thursday": [
            record(
                "90000003",
                f"{about} does not prevent thrombophlebitis: a randomized trial",
                abstract(trial, f"{about} does not prevent thrombophlebitis."),
                RCT,
            )
        ],
        "Friday": [
            record(
                cited.id,
                escape(cited.sections[0].text),
                f"<AbstractText>{escape(cited.sections[1].text)}</AbstractText>",
                links=link("ErratumIn", "90000004"),
                version=9,
            )
        ],
        "Saturday": [],
    }

    told = {name: days.digest(records) for name, records in updates.items()}

    for name, digest in told.items():
        print(f"{name}\n{digest or 'nothing'}\n")  # noqa: T201 - pytest -s shows them
    assert {name for name, digest in told.items() if digest} == {"Wednesday", "Thursday", "Friday"}
    assert f"## {CANNULAE}" in told["Wednesday"]
    assert "A cited article was retracted" in told["Wednesday"]
    assert STUDY in told["Wednesday"]
    assert "The verdict was “yes” and is now “no answer”" in unmarked(told["Wednesday"])
    assert "The verdict was “no answer” and is now “no”" in unmarked(told["Thursday"])
    assert f"## {STATINS}" in told["Friday"]
    assert "A cited article was corrected: ErratumIn 90000004" in unmarked(told["Friday"])
    assert CANNULAE not in told["Friday"]
    assert {item.id for item in items.read_all()} == {question.id, answer.id}


def test_a_reference_that_the_corpus_gets_later_is_watched(days: Days) -> None:
    reference = CheckedReference(0, 0, 8, "A trial.", "found", "90000009", title="Growth of wheat in wet soil")
    path = days.home / "checked.json"
    path.write_bytes(
        json_bytes(Checked((("item", "A trial."),), (), (reference,), (), summary_of((), (reference,), 0)))
    )
    (finding,) = watched(str(path)).findings
    assert [(one.document_id, one.title, one.deleted) for one in finding.cited] == [
        ("90000009", "Growth of wheat in wet soil", True)
    ]

    text = abstract("Wheat grew.", "Wet soil is soft.")
    days.day([record("90000009", "Growth of wheat in wet soil", text)])
    come = days.look()
    days.day(
        [record("90000009", "Growth of wheat in wet soil", text, links=link("RetractionIn", "90000010"), version=2)]
    )
    told = days.look()

    assert come.alerts == ()
    assert kinds(told) == {"retracted"}
