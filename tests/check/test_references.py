"""References: marks in a text, entries of a list, and what becomes of them in a corpus."""

import json
from itertools import starmap

import pytest

from ragqa import products
from ragqa.check.resolve import lay, resolve
from ragqa.check.text.blocks import blocks_of
from ragqa.check.text.marks import blanked, end_of_cited, marks_of, without_marks
from ragqa.check.text.references import entries_of, entry_of, without_list
from ragqa.corpus.store import DocumentStore
from ragqa.corpus.text import title_of


def kinds(text):
    return [(mark.kind, mark.value or mark.numbers, text[mark.begin : mark.end]) for mark in marks_of(text)]


def test_marks_of_every_kind():
    text = "It helps [1, 3–5] (Smith et al., 2019; van Dyk and Re 2020), PMID: 123456 or doi:10.1000/AB(1).2."
    assert kinds(text) == [
        ("number", (1, 3, 4, 5), "[1, 3–5]"),
        ("author-year", "Smith", "Smith et al., 2019"),
        ("author-year", "Dyk", "Dyk and Re 2020"),
        ("pmid", "123456", "PMID: 123456"),
        ("doi", "10.1000/ab(1).2", "10.1000/AB(1).2"),
    ]
    assert without_marks("Statins [1, 2] help (Smith et al., 2019) https://doi.org/10.1000/x.") == "Statins help."


@pytest.mark.parametrize(
    "text", ["Adults (18-65) came.", "In May 2019 it fell.", "Scores [0-100] rose.", "Aged [65-18]."]
)
def test_what_is_no_mark(text):
    assert [mark for mark in marks_of(text) if mark.kind != "number" or mark.numbers == ()] == []
    assert kinds(text) == []


def test_a_list_is_divided_into_entries_even_without_line_ends():
    text = (
        "Statins help [2].\n\nReferences\n\n1. Poli A. Statins and stroke. BMJ 2003;12:1. "
        "2. Re B, Li C. Fish oil (2019) doi:10.1000/x.1\n\nAppendix\n\nNot this."
    )
    first, second = entries_of(blocks_of(text))
    assert (first.number, first.author, first.year, first.described) == (
        1, "Poli", 2003, "Poli A. Statins and stroke. BMJ 2003;12:1.",
    )  # fmt: skip
    assert (second.number, second.author, second.year, second.doi) == (2, "Re", 2019, "10.1000/x.1")


@pytest.mark.parametrize(
    ("title", "text", "share", "others"),
    [
        ("Statins in acute stroke.", "Poli A. STATINS IN ACUTE STROKE: results. BMJ", 1.0, ()),
        ("Étude des œdèmes: a trial", "Poli A. Etude des œdemes. BMJ", 1.0, ()),
        ("Statins in acute stroke.", "Poli A. Statins in chronic stroke.", 0.75, ("chronic for acute",)),
        ("Fish oil and the heart: a review", "Fish oil and the heart: a menu", 6 / 7, ("menu for review",)),
        ("Fish oil", "Nothing of it", 0.0, ()),
    ],
)  # fmt: skip
def test_a_title_laid_beside_an_entry(title, text, share, others):
    laid = lay(title, text)
    assert (pytest.approx(laid.share), laid.others) == (share, others)


@pytest.fixture
def store(sample_home):
    with DocumentStore.open(sample_home / "corpora" / "sample") as opened:
        yield opened


@pytest.fixture
def found(store):
    """Resolves an entry, all documents of the sample being what a search finds."""
    everything = [document for batch in store.scan() for _, document in batch]
    return lambda text: resolve(entry_of(0, text, 1), store, lambda texts: [everything for _ in texts])


def test_true_altered_and_invented_references(store, found):
    document = next(
        d for batch in store.scan() for _, d in batch if d.year and not d.retracted and len(title_of(d)) > 60
    )
    title, year = title_of(document).rstrip("."), document.year
    true = f"1. Poli A. {title}. BMJ. {year};1:2-3."
    assert found(true).status == "found"
    assert found(true).document.id == document.id
    assert found(f"{true} PMID: {document.id}").status == "found"
    other_year = found(f"Poli A. {title}. BMJ. {year + 3};1:2-3.")
    assert (other_year.status, other_year.problems) == ("mismatch", (f"it is from {year}, not {year + 3}",))
    word = max(title.split(), key=len)
    other_title = found(true.replace(word, "xylophones"))
    assert other_title.status == "mismatch"
    assert "xylophones for" in other_title.problems[0]
    assert found(f"{true} PMID: 99999999").problems == (
        f"the corpus has no PMID 99999999; this article is {document.id}",
    )
    invented = "Poli A. Moonlight therapy of tuba players in the arctic winter. BMJ. 2001;1:2."
    assert found(invented).status == "missing"
    misused = found(f"{invented} PMID: {document.id}")
    assert (misused.status, misused.document.id) == ("mismatch", document.id)
    assert "is another article" in misused.problems[0]
    assert found("See there.").status == "unknown"


def test_a_retracted_article_is_told_however_it_is_referred_to(store, found):
    document = next((d for batch in store.scan() for _, d in batch if d.retracted), None)
    assert document is not None, "the sample has a retracted article"
    assert found(f"PMID: {document.id}").status == "retracted"
    assert found(f"Poli A. {title_of(document)} BMJ. {document.year}.").status == "retracted"


def test_a_doi_leads_to_its_article_whatever_its_case(tmp_path, monkeypatch):
    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "home"))
    rows = [
        {"_id": str(n), "title": f"Title number {n}", "text": "Zinc.", "doi": f"10.1000/AB.{n}"} for n in range(1, 4)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    products.import_corpus("dois", tmp_path / "rows.jsonl", "jsonl")
    with DocumentStore.open(tmp_path / "home" / "corpora" / "dois") as store:
        document = store.with_doi("10.1000/ab.2")
        assert document is not None
        assert document.id == "2"
        assert store.with_doi("10.1000/ab.9") is None


def test_a_doi_in_brackets_leaves_no_bracket_behind():
    assert without_marks("Caffeine helps [PMID: 99887766] (doi:10.1016/j.x.2019.01.001).") == "Caffeine helps."


@pytest.mark.parametrize("text", ["In PubMed 3 trials were found.", "Of PubMed 1990 to 2019 was searched."])
def test_a_number_behind_the_name_of_pubmed_is_no_id(text):
    assert kinds(text) == []
    assert without_marks(text) == text
    assert [value for _, value, _ in kinds("PubMed 21881325; PubMed: 12; PubMed ID 7")] == ["21881325", "12", "7"]


def test_the_ids_of_an_entry_are_its_own_and_not_those_of_its_erratum():
    text = "1. Poli A. Statins. BMJ 2003. doi:10.1000/x PMID: 123. Erratum in: BMJ 2004. doi:10.1000/y PMID: 456."
    entry = entry_of(0, text, 1)
    assert (entry.pmid, entry.doi) == ("123", "10.1000/x")


@pytest.mark.parametrize("name", ["Öztürk", "Şahin", "Łukasz"])
def test_names_begin_with_capitals_of_other_alphabets_too(name):
    assert [value for _, value, _ in kinds(f"It helps ({name} et al., 2019).")] == [name]


def test_the_letters_of_years_tell_entries_of_one_author_apart():
    (first, second) = marks_of("It helps (Smith, 2019a) and harms (Smith et al., 2019b).")
    assert (first.letter, second.letter) == ("a", "b")
    assert [entry_of(0, f"Smith JA. Statins. {year} BMJ.", 1).letter for year in ("2019b.", "(2019a).", "2019.")] == [
        "b", "a", "",
    ]  # fmt: skip


def test_a_short_entry_ends_no_list_and_what_stands_behind_the_list_is_text():
    text = (
        "Statins help [2].\n\nReferences\n\n1. Poli A. Statins. BMJ 2003;12:1.\n\n"
        "2. A guideline on stroke, in press\n\n3. Re B. Fish oil. BMJ 2004;1:2.\n\n"
        "Figure legends\n\nStatins halved strokes in men."
    )
    blocks = blocks_of(text)
    assert [entry.number for entry in entries_of(blocks)] == [1, 2, 3]
    body = without_list(blocks)
    assert len(body) == len(blocks)
    assert [block.text for block in body if block.text] == [
        "Statins help [2].", "Figure legends", "Statins halved strokes in men.",
    ]  # fmt: skip


def test_what_became_of_an_article_is_told_beside_what_does_not_match(tmp_path, monkeypatch):
    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "home"))
    links = {"1": ("PartialRetractionIn",), "2": ("ExpressionOfConcernIn",), "3": ()}
    (tmp_path / "records.xml").write_text(
        f"<PubmedArticleSet>{''.join(starmap(record, links.items()))}</PubmedArticleSet>"
    )
    products.import_corpus("noted", tmp_path / "records.xml", "pubmed-xml")
    with DocumentStore.open(tmp_path / "home" / "corpora" / "noted") as store:
        everything = [document for batch in store.scan() for _, document in batch]

        def told(text):
            resolved = resolve(entry_of(0, text, 1), store, lambda texts: [everything for _ in texts])
            return resolved.status, resolved.problems

        assert told("PMID: 1") == ("found", ("a part of it has been retracted",))
        assert told("PMID: 2") == ("concern", ())
        assert told("PMID: 3") == ("found", ())
        status, problems = told("Poli A. A trial of number 2 in the stroke of men. BMJ. 1999. PMID: 2")
        assert (status, problems[-1]) == ("mismatch", "an expression of concern about it has been published")


def record(pmid, kinds_of_links):
    links = "".join(
        f'<CommentsCorrections RefType="{kind}"><PMID Version="1">9{pmid}</PMID></CommentsCorrections>'
        for kind in kinds_of_links
    )
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="1">{pmid}</PMID><Article><Journal><JournalIssue><PubDate>'
        f"<Year>2020</Year></PubDate></JournalIssue><Title>BMJ</Title></Journal>"
        f"<ArticleTitle>A trial of number {pmid} in the stroke of men</ArticleTitle><Language>eng</Language></Article>"
        f"<CommentsCorrectionsList>{links}</CommentsCorrectionsList></MedlineCitation></PubmedArticle>"
    )


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("Aspirin lowers stroke. (Smith et al., 2019) It harms.", "Aspirin lowers stroke"),
        ("Aspirin lowers stroke. [1]", "Aspirin lowers stroke"),
        ("Aspirin lowers stroke [2], but it harms.", "Aspirin lowers stroke"),
        ("It helps. Smith (2019) found that it harms.", "It helps. "),
        ("[4] It helps.", ""),
    ],
)
def test_a_mark_refers_to_the_words_before_it(text, cited):
    (mark,) = marks_of(text)
    assert text[: end_of_cited(blanked(text), mark)] == cited


def test_each_of_several_marks_behind_a_stop_refers_to_the_sentence():
    text = "Aspirin lowers stroke. (Smith, 2019; Re and Li, 2020) [3] (PMID: 21881325) It harms."
    blank = blanked(text)
    assert {text[: end_of_cited(blank, mark)] for mark in marks_of(text)} == {"Aspirin lowers stroke"}
