"""What is printed of a check reads as people write: one sentence is one, and kinds of articles have names."""

import re
from dataclasses import replace

import pytest

from ragqa.check.markdown import as_markdown
from ragqa.check.page import as_html
from ragqa.check.table import as_csv
from ragqa.check.types import Checked, CheckedClaim, Citation, Skip, counts_in_words, summary_of
from ragqa.cli import run as cli
from ragqa.types import Span


def one_of_each(n_skipped: int) -> Checked:
    """A text of one claim, which an article of no known design supports."""
    quote = "Statins lower cholesterol."
    cited = Citation("1", "abstract", 0, len(quote), quote, 0.9, "Statins", "BMJ", 2001, "expert opinion or other")
    claim = CheckedClaim(0, 0, len(quote), quote, quote, "supported", 0.9, (cited,))
    skipped = (Skip(0, 27, 32, "Why?", "question"),) * n_skipped
    return Checked((("paragraph", f"{quote} Why?"),), (claim,), (), skipped, summary_of((claim,), (), n_skipped))


@pytest.mark.parametrize(("n", "told"), [(1, "1 sentence was not"), (2, "2 sentences were not")])
def test_reports_say_one_and_several(n: int, told: str) -> None:
    checked = one_of_each(n)
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", as_html(checked).decode()))

    assert "1 claim was checked against the corpus" in page
    for report in (page, as_markdown(checked)):
        assert told in report
        assert "article of another kind" in report
        assert "opinion or other" not in report


def test_each_form_quotes_all_that_is_cited_the_best_first() -> None:
    checked = one_of_each(1)
    (claim,) = checked.claims
    (cited,) = claim.supporting
    spans = tuple(Span("1", "abstract", at, at + 10, f"Sentence {at}.") for at in (30, 60))
    several = replace(claim, supporting=(replace(cited, more=spans),))
    whole = replace(checked, claims=(several,))
    for report in (as_html(whole).decode(), as_csv(whole).decode(), as_markdown(whole)):
        places = [report.rfind(quote) for quote in (cited.quote, "Sentence 30.", "Sentence 60.")]
        assert -1 < places[0] < places[1] < places[2]


def test_two_claims_are_several() -> None:
    checked = one_of_each(1)
    two = replace(checked, claims=checked.claims * 2)
    assert "2 claims were checked" in as_html(two).decode()
    assert counts_in_words(summary_of(two.claims, (), 2)) == ["2 claims supported", "2 sentences not checked"]


def test_the_command_counts_in_words(sample_home, tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "text.txt"
    text.write_text("Tuba players in the arctic winter prefer moonlight (PMID: 99999999). Is that so?")

    assert cli(["check", str(text), "--fail-on", "missing,not_found"]) == 1

    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "1 claim not found; 1 reference missing; 1 sentence not checked"
    assert captured.err.splitlines()[-1] == "ragqa: 1 reference missing, 1 claim not found"


def test_a_text_with_one_sentence_that_is_no_claim_is_told_so(sample_home, tmp_path, capsys) -> None:
    text = tmp_path / "text.txt"
    text.write_text("Is that so?")
    assert cli(["check", str(text)]) == 1
    assert "(1 sentence left out:" in capsys.readouterr().err
