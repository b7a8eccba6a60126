"""A text checked end to end against the sample: verdicts, exact words, references, reports, exit codes."""

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from jsonschema import Draft202012Validator

import ragqa
from ragqa.check import schema
from ragqa.check.page import as_html
from ragqa.check.table import as_csv
from ragqa.check.text.blocks import Block, blocks_of
from ragqa.check.types import Checked, CheckedClaim, CheckedReference, Citation, Skip, summary_of
from ragqa.cli import run as cli
from ragqa.errors import SourceError
from ragqa.evaluate.tasks.formats.biogen import read_answers
from ragqa.types import Span

TEXT = """# Statins before heart surgery

Preoperative statins reduce the risk of atrial fibrillation (AF) after coronary artery bypass surgery [1]. Is that safe?

Tuba players in the arctic winter prefer moonlight (PMID: 99999999).

## References

1. Preoperative statin therapy and atrial fibrillation after coronary artery bypass grafting. 2011. PMID: 21881325
"""


@pytest.fixture(scope="module")
def checked(built_sample):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGQA_HOME", str(built_sample))
        with ragqa.open() as engine:
            found = list(engine.check(blocks_of(TEXT, "markdown")))
            texts = {document.id: document for batch in engine.store.scan() for _, document in batch}
    *parts, whole = found
    assert isinstance(whole, Checked)
    assert tuple(parts) == (*whole.claims, *whole.references), "all is told as it is found, in order"
    return whole, texts


def test_a_claim_is_supported_by_the_very_words_of_an_article(checked):
    whole, documents = checked
    first, second = whole.claims
    assert (first.verdict, second.verdict) == ("supported", "not_found")
    assert (
        first.read
        == "Preoperative statins reduce the risk of atrial fibrillation after coronary artery bypass surgery."
    )
    assert first.supporting[0].document_id == "21881325"
    for one in (*first.supporting, *first.contradicting):
        sections = {section.name: section.text for section in documents[one.document_id].sections}
        for span in (one, *one.more):
            assert sections[span.section][span.begin : span.end] == span.quote
        places = [(list(sections).index(span.section), span.begin) for span in one.more]
        assert places == sorted(set(places)), "in reading order"
        assert (list(sections).index(one.section), one.begin) not in places
        assert len(places) <= 2
    assert any(one.more for one in first.supporting)
    assert not second.supporting
    assert whole.blocks[first.block][1][first.begin : first.end] == first.text


def test_the_opposite_of_a_supported_claim_is_not_supported(sample_home):
    text = "Preoperative statins increase the risk of atrial fibrillation after coronary artery bypass surgery."
    with ragqa.open() as engine:
        claim = next(iter(engine.check(blocks_of(text))))
    assert claim.verdict in ("contradicted", "mixed", "not_found")
    assert not claim.supporting


def test_the_published_schema_is_that_of_what_is_given(checked):
    published = Path(__file__).parents[2] / "services" / "checked.schema.json"
    assert published.read_bytes() == schema.dump(), "python -m ragqa.check.schema > services/checked.schema.json"
    Draft202012Validator(json.loads(published.read_bytes())).validate(json.loads(msgspec.json.encode(checked[0])))


def test_references_are_looked_up_and_read_for_what_they_are_cited_for(checked):
    whole, _ = checked
    in_text, listed = whole.references
    assert (in_text.status, in_text.problems) == ("missing", ("the corpus has no PMID 99999999",))
    assert (listed.status, listed.document_id, listed.supports) == ("found", "21881325", ((0, "supports"),))


def test_nothing_leaves_the_count_silently(checked):
    whole, _ = checked
    assert [(one.text, one.reason) for one in whole.skipped] == [
        ("Statins before heart surgery", "heading"), ("Is that safe?", "question"),
    ]  # fmt: skip
    assert whole.summary["claims_supported"] == whole.summary["claims_not_found"] == 1
    assert whole.summary["references_missing"] == whole.summary["references_found"] == 1
    assert whole.summary["not_checked"] == 2


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Statine senken das Cholesterin und werden von den meisten gut vertragen.", "German"),
        ("Les statines réduisent le cholestérol et sont bien tolérées par les patients.", "French"),
        ("他汀类药物能预防冠状动脉搭桥术后的心房颤动。", "a language in another script"),
    ],
)
def test_a_text_in_another_language_is_told_and_not_guessed_at(sample_home, text, language):
    with ragqa.open() as engine, pytest.raises(SourceError, match=f"seems to be in {language}; only English is read"):
        list(engine.check(blocks_of(text)))


def test_a_text_without_claims_is_told(sample_home):
    with (
        ragqa.open() as engine,
        pytest.raises(SourceError, match=r"no claim that could be checked \(2 sentences left out"),
    ):
        list(engine.check(blocks_of("Is it safe? Ask your doctor about it.")))


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> ![x](http://e.org/x.png) \"' =cmd()"


def hostile():
    """Markup wherever text of a third party may come."""
    one = Citation(
        "1",
        HOSTILE,
        0,
        3,
        HOSTILE,
        0.9,
        HOSTILE,
        HOSTILE,
        2001,
        HOSTILE,
        "https://pubmed.ncbi.nlm.nih.gov/1/",
        more=(Span("1", HOSTILE, 4, 7, HOSTILE),),
    )
    claims = (CheckedClaim(0, 0, len(HOSTILE), HOSTILE, HOSTILE, "mixed", 0.9, (one,), (one,), (HOSTILE,)),)
    references = (CheckedReference(0, 0, 3, HOSTILE, "mismatch", "x", (HOSTILE,), HOSTILE, ((0, "contradicts"),)),)
    skipped = (Skip(0, 0, 1, HOSTILE, "fragment"),)
    return Checked((("paragraph", HOSTILE),), claims, references, skipped, summary_of(claims, references, 1))


class Page(HTMLParser):
    """Tags that run or load something."""

    def __init__(self):
        super().__init__()
        self.loaded = []

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        if (
            tag in {"script", "img", "iframe", "link", "object"}
            or "src" in told
            or any(k.startswith("on") for k in told)
        ):
            self.loaded.append(tag)


def test_no_markup_of_the_text_or_of_documents_comes_alive():
    page = Page()
    page.feed(as_html(hostile(), HOSTILE).decode())
    assert page.loaded == []
    rows = list(csv.DictReader(io.StringIO(as_csv(hostile()).decode("utf-8-sig"))))
    assert [row["kind"] for row in rows] == ["claim", "reference"]
    assert rows[0]["text"] == HOSTILE
    assert not any(re.match(r"[=+\-@]", cell) for row in rows for cell in row.values())


@pytest.mark.parametrize("suffix", [".html", ".csv", ".json"])
def test_the_command_writes_each_report(sample_home, tmp_path, suffix, capsys):
    (tmp_path / "text.md").write_text(TEXT)
    out = tmp_path / "report" / f"checked{suffix}"
    assert cli(["check", str(tmp_path / "text.md"), "--out", str(out)]) == 0
    shown = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert "Nothing found" in shown
    assert "Tuba players" in out.read_text()
    if suffix == ".json":
        (cited, *_) = json.loads(out.read_text())["claims"][0]["supporting"]
        assert all(f"“{quote}”" in shown for quote in (cited["quote"], *(one["quote"] for one in cited["more"])))


def test_the_command_fails_on_what_it_is_told_to_fail_on(sample_home, tmp_path, capsys):
    (tmp_path / "text.md").write_text(TEXT)
    command = ["check", str(tmp_path / "text.md"), "--json"]
    assert cli([*command, "--fail-on", "contradicted,retracted"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["verdict"] for one in told["claims"]] == ["supported", "not_found"]
    assert cli([*command, "--fail-on", "missing-reference"]) == 1
    assert "1 reference missing" in capsys.readouterr().err
    assert cli([*command, "--fail-on", "missing-refs"]) == 2
    assert "did you mean 'missing-reference'" in capsys.readouterr().err
    assert cli([*command, "--out", "report.docx"]) == 2
    assert ".html" in capsys.readouterr().err
    assert cli(["check", str(tmp_path / "none.md")]) == 1
    assert "check the path" in capsys.readouterr().err


def test_the_form_of_biogen_s_task_a_is_read_back(sample_home, tmp_path):
    (tmp_path / "text.md").write_text(TEXT)
    assert cli(["check", str(tmp_path / "text.md"), "--out", str(tmp_path / "checked.jsonl")]) == 0
    (answer,) = read_answers(tmp_path / "checked.jsonl")
    (first, cited), (second, no_claim), (third, nothing) = answer.sentences
    assert [text.split()[0] for text in (first, second, third)] == ["Preoperative", "Is", "Tuba"]
    assert cited.existing or cited.supporting
    for one in (no_claim, nothing):
        assert (one.supporting, one.contradicting) == ((), ())


MANY = "\n\n".join(
    f"Preoperative statins reduce the risk of {outcome} after coronary artery bypass surgery."
    for outcome in ("atrial fibrillation", "stroke", "delirium", "renal failure", "death", "infection", "bleeding")
)


def test_claims_are_told_in_order_and_alike_whatever_is_checked_beside_them(sample_home):
    with ragqa.open() as engine:
        together = list(engine.check(blocks_of(MANY)))[:-1]
        alone = [next(iter(engine.check(blocks_of(text)))) for text in MANY.split("\n\n")]
    assert [one.text for one in together] == MANY.split("\n\n")
    for one, other in zip(together, alone, strict=True):
        assert (one.supporting, one.contradicting) == (other.supporting, other.contradicting)
        assert (one.verdict, one.probability, one.notes) == (other.verdict, other.probability, other.notes)


def test_a_check_that_is_given_up_ends_without_the_rest(sample_home, monkeypatch):
    read = []
    with ragqa.open() as engine:
        find = engine.find_for_claims
        monkeypatch.setattr(engine, "find_for_claims", lambda claims, k: read.extend(claims) or find(claims, k))
        told = engine.check(blocks_of("\n\n".join([MANY] * 6)))
        next(told)
        next(told)
        told.close()
    assert 2 <= len(read) < 42


def test_what_stands_behind_the_list_of_references_is_checked_too(sample_home):
    text = f"{TEXT}\n## Figure legends\n\nPreoperative statins reduce atrial fibrillation after bypass surgery [1].\n"
    with ragqa.open() as engine:
        *_, whole = engine.check(blocks_of(text, "markdown"))
    assert isinstance(whole, Checked)
    legend = whole.claims[-1]
    assert whole.blocks[legend.block][1][legend.begin : legend.end] == legend.text
    assert legend.text.endswith("bypass surgery [1].")
    assert [number for number, _ in whole.references[-1].supports] == [0, 2], "both cite the one entry"
    assert "Figure legends" in [one.text for one in whole.skipped]


def test_each_of_two_entries_of_one_number_has_the_claims_that_cite_it(sample_home):
    title = "Preoperative statin therapy and atrial fibrillation after coronary artery bypass grafting"
    blocks = (
        Block("Preoperative statins reduce atrial fibrillation after bypass surgery (Alpha, 2011)."),
        Block("References", "heading"),
        Block("Gamma B. Moonlight and tuba players in the arctic. 2001.", "item"),
        Block(f"1. Alpha A. {title}. 2011. PMID: 21881325", "item"),
    )
    with ragqa.open() as engine:
        *_, whole = engine.check(blocks)
    assert isinstance(whole, Checked)
    assert [(one.document_id, [number for number, _ in one.supports]) for one in whole.references] == [
        ("", []), ("21881325", [0]),
    ]  # fmt: skip


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "|", "\uff1d", " =", "\n="])
def test_no_cell_begins_a_formula_of_any_spreadsheet(begin):
    text = f"{begin}cmd lowers LDL."
    claim = CheckedClaim(0, 0, len(text), text, text, "not_found", 1.0)
    written = as_csv(Checked((("paragraph", text),), (claim,), (), (), summary_of((claim,), (), 0)))
    (row,) = csv.DictReader(io.StringIO(written.decode("utf-8-sig")))
    assert row["text"] == f"'{begin.strip()}cmd lowers LDL."


def test_a_reference_behind_a_stop_is_that_of_the_sentence_before_it(sample_home):
    text = (
        "Preoperative statins reduce atrial fibrillation after bypass surgery. (PMID: 21881325) "
        "Aspirin lowers fever in children. (PMID: 99999999)"
    )
    with ragqa.open() as engine:
        *_, whole = engine.check(blocks_of(text))
    assert isinstance(whole, Checked)
    assert [(one.document_id, [number for number, _ in one.supports]) for one in whole.references] == [
        ("21881325", [0]), ("", []),
    ]  # fmt: skip
    assert whole.summary["not_checked"] == 0
