"""The extractive reader: what it says, on what it rests, and when it keeps silent."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragqa.answer.extractive.reader import ExtractiveReader
from ragqa.answer.reading import Reading
from ragqa.corpus.text import named_abstract_sections, section_text
from ragqa.errors import UsageError
from ragqa.recipe import AnswerSettings
from ragqa.types import Document, Link, PublicationType, Question, Section


def article(key: str, title: str, *parts: tuple[str, str], **more: object) -> Document:
    sections = named_abstract_sections([(text, label, "") for label, text in parts])
    return Document(key, (Section("title", title), *sections), **more)  # type: ignore[arg-type]


STATINS = article(
    "1",
    "Preoperative statins and atrial fibrillation after bypass surgery",
    ("BACKGROUND", "Atrial fibrillation is common after coronary artery bypass grafting."),
    ("METHODS", "We randomised 200 patients to statins or placebo before coronary artery bypass grafting."),
    ("RESULTS", "Atrial fibrillation occurred in 18% with preoperative statins and in 35% with placebo (P = .007)."),
    ("CONCLUSIONS", "CONCLUSIONS: Preoperative statins significantly reduce atrial fibrillation after coronary artery "
                    "bypass grafting. Statins are effective and safe."),
    year=2015,
    publication_types=(PublicationType("Randomized Controlled Trial", "D016449"),),
)  # fmt: skip
AGAINST = article(
    "2",
    "No effect of preoperative statins on atrial fibrillation",
    ("RESULTS", "Atrial fibrillation after coronary artery bypass grafting did not differ between preoperative statins "
                "and placebo (P = .83). There was no significant difference in mortality."),
    ("CONCLUSIONS", "Preoperative statins did not reduce atrial fibrillation after coronary artery bypass grafting. "
                    "There was no benefit and no significant effect."),
    year=2016,
)  # fmt: skip
UNRELATED = article(
    "3",
    "Nesting of storks",
    ("", "Storks nest on roofs in spring. The number of nests rose in ten villages. Young birds left in August."),
    year=2018,
)
QUESTION = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"


def read(question: str | Question, *documents: Document, **options: object) -> Reading:
    asked = Question(question) if isinstance(question, str) else question
    reader = ExtractiveReader.open(AnswerSettings(**options))  # type: ignore[arg-type]
    return reader.read(asked, documents, [1.0 - place / 10 for place in range(len(documents))])


def assert_quotes_are_exact(reading: Reading, documents: Sequence[Document]) -> None:
    by_id = {document.id: document for document in documents}
    for item in (*reading.statements, *reading.exact_answers):
        for span in item.spans:
            text = section_text(by_id[span.document_id], span.section)
            assert text is not None
            assert text[span.begin : span.end] == span.quote


def test_a_yes_no_question_gets_a_verdict_and_the_conclusion_first() -> None:
    reading = read(QUESTION, STATINS, UNRELATED)
    assert reading.question_type == "yesno"
    assert reading.verdict == "yes"
    assert sum(reading.verdict_probabilities.values()) == pytest.approx(1.0)
    assert reading.statements[0].text.startswith("Preoperative statins significantly reduce")
    assert reading.statements[0].spans[0].quote.startswith("CONCLUSIONS: Preoperative")
    assert {span.document_id for statement in reading.statements for span in statement.spans} == {"1"}
    assert_quotes_are_exact(reading, [STATINS])


def test_a_denying_article_gives_a_no() -> None:
    reading = read(QUESTION, AGAINST)
    assert reading.verdict == "no"
    assert "did not" in reading.statements[0].text


def test_articles_that_disagree_are_shown_with_both_sides() -> None:
    reading = read(QUESTION, STATINS, AGAINST)
    assert "conflicting" in {notice.kind for notice in reading.notices}
    assert {span.document_id for statement in reading.statements for span in statement.spans} == {"1", "2"}


def test_a_verdict_that_is_not_likely_enough_is_withheld_and_both_sides_are_shown() -> None:
    sure, unsure = read(QUESTION, STATINS), read(QUESTION, STATINS, AGAINST, verdict_above=1.0)
    assert sure.verdict == "yes"
    assert unsure.verdict is None
    assert sum(unsure.verdict_probabilities.values()) == pytest.approx(1.0)
    (told,) = (notice for notice in unsure.notices if notice.kind == "verdict_withheld")
    assert "100% is needed" in told.message
    assert {span.document_id for statement in unsure.statements for span in statement.spans} == {"1", "2"}


def test_no_verdict_is_given_from_articles_on_something_near() -> None:
    asked = "Do preoperative statins reduce delirium and dementia after hip replacement in nonagenarians?"
    near = read(asked, STATINS, abstain_below=0.0, verdict_above=0.0)
    forced = read(asked, STATINS, abstain_below=0.0, verdict_above=0.0, verdict_coverage=0.0)
    assert near.verdict is None
    assert forced.verdict is not None
    (told,) = (notice for notice in near.notices if notice.kind == "verdict_withheld")
    assert "70% is needed" in told.message


INSULIN = article(
    "4",
    "Insulin in type 1 diabetes",
    ("RESULTS", "Insulin did not cure type 1 diabetes in any of the 300 patients."),
    (
        "CONCLUSIONS",
        "Insulin does not cure type 1 diabetes. Patients with type 1 diabetes need insulin all their life.",
    ),
)


@pytest.mark.parametrize(
    "question",
    ["Since insulin cures type 1 diabetes, how long must it be taken?", "Why does insulin cure type 1 diabetes?"],
)
def test_what_a_question_takes_for_granted_is_denied_where_the_articles_deny_it(question: str) -> None:
    reading = read(question, INSULIN)
    assert reading.notices[0].kind == "false_presupposition"
    assert reading.verdict is None
    assert any(statement.text.startswith("Insulin d") for statement in reading.statements)


def test_what_a_question_takes_for_granted_may_be_true() -> None:
    reading = read(
        "Why do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?", STATINS
    )
    assert "false_presupposition" not in {notice.kind for notice in reading.notices}
    assert reading.statements


def test_a_year_to_come_that_no_article_mentions_is_not_answered() -> None:
    asked = "Do the 2090 guidelines recommend preoperative statins to reduce atrial fibrillation after bypass grafting?"
    assert "2090, which is to come" in read(asked, STATINS).reason
    foreseen = article(
        "5", "Statins until 2090", ("", "Preoperative statins reduce atrial fibrillation; see the 2090 guidelines.")
    )
    assert not read(asked, STATINS, foreseen).abstained


def test_it_abstains_when_no_article_deals_with_the_question() -> None:
    reading = read(QUESTION, UNRELATED)
    assert reading.abstained
    assert "closely enough" in reading.reason
    assert not reading.statements
    assert reading.verdict is None
    assert not reading.exact_answers


@pytest.mark.parametrize("question", ["the of and?", "???", "\ud800"])
def test_it_abstains_when_the_question_says_nothing(question: str) -> None:
    assert read(question, STATINS).abstained


@pytest.mark.parametrize("question", ["Is it dangerous?", "What about children?", "Are they safe?"])
def test_it_abstains_when_the_question_names_no_topic_of_its_own(question: str) -> None:
    reading = read(question, STATINS)

    assert reading.abstained
    assert reading.reason.startswith(f"It is not clear what “{question}” asks. Ask a whole question")


def test_it_abstains_without_documents() -> None:
    assert read(QUESTION).reason == "No article was found for this question."


def retracted(document: Document) -> Document:
    return Document(document.id, document.sections, year=document.year, retracted=True)


def test_a_retracted_article_never_supports_but_is_told_of() -> None:
    reading = read(QUESTION, retracted(STATINS), AGAINST)
    assert reading.verdict == "no"
    assert {span.document_id for statement in reading.statements for span in statement.spans} == {"2"}
    assert [(notice.kind, notice.document_id) for notice in reading.notices] == [("retracted", "1")]


def test_only_retracted_evidence_means_abstaining() -> None:
    reading = read(QUESTION, retracted(STATINS), UNRELATED)
    assert reading.abstained
    assert "retracted" in reading.reason


def test_it_is_told_whether_articles_have_no_abstract_or_none_that_tells_what_came_out() -> None:
    title = "Statins and atrial fibrillation after bypass surgery"
    aim = "To evaluate whether preoperative statins reduce atrial fibrillation after coronary artery bypass surgery."

    assert "not what came out" in read(QUESTION, article("1", title, ("", aim)), abstain_below=0.0).reason
    assert "have no abstract" in read(QUESTION, article("1", title), abstain_below=0.0).reason


def test_a_retracted_article_may_be_allowed_and_is_then_flagged() -> None:
    reading = read(QUESTION, retracted(STATINS), allow_retracted=True)
    assert reading.statements
    assert "retracted" in {notice.kind for notice in reading.notices}


def test_an_expression_of_concern_is_flagged() -> None:
    doubted = Document("1", STATINS.sections, links=(Link("ExpressionOfConcernIn", "9"),))
    assert [notice.kind for notice in read(QUESTION, doubted).notices] == ["expression_of_concern"]


def test_an_answer_from_old_articles_alone_says_so() -> None:
    old = Document("1", STATINS.sections, year=1985)
    assert "outdated" in {notice.kind for notice in read(QUESTION, old).notices}
    assert "outdated" not in {notice.kind for notice in read(QUESTION, STATINS).notices}


def test_abstracts_in_other_languages_are_never_cited() -> None:
    other = Section(
        "other_abstract.0", "Preoperative statins reduce atrial fibrillation after coronary bypass grafting."
    )
    reading = read(QUESTION, Document("1", (*UNRELATED.sections, other)))
    assert reading.abstained


def test_no_statement_repeats_another() -> None:
    copy = Document("9", STATINS.sections, year=2015)
    texts = [statement.text for statement in read(QUESTION, STATINS, copy).statements]
    assert len(texts) == len(set(texts))


def test_factoid_questions_get_ranked_candidates_with_spans() -> None:
    gene = article(
        "5",
        "Genetics of Rett syndrome",
        ("", "Rett syndrome is a severe disorder. Rett syndrome is caused by mutations in the MECP2 gene. Loss of "
             "methyl CpG binding protein 2 (MECP2) changes neurons."),
    )  # fmt: skip
    reading = read("Which gene is mutated in Rett syndrome?", gene, abstain_below=0.2)
    assert reading.question_type == "factoid"
    best = reading.exact_answers[0]
    assert "MECP2" in {best.text, *best.synonyms}
    assert best.spans
    assert len(reading.exact_answers) <= 5
    assert_quotes_are_exact(reading, [gene])


def test_the_abbreviation_of_what_is_asked_about_is_no_answer() -> None:
    fibrosis = article(
        "1",
        "The gene of cystic fibrosis",
        ("", "Cystic fibrosis (CF) is caused by mutations of the CFTR gene. CFTR is mutated in CF. "
             "Mutated CF genes were found in all patients with CF."),
    )  # fmt: skip

    reading = read(Question("Which gene is mutated in cystic fibrosis?", type="factoid"), fibrosis)

    named = [answer.text for answer in reading.exact_answers]
    assert named[0] == "CFTR"
    assert "CF" not in named


def test_a_phrase_that_more_articles_mark_is_likelier_and_none_is_certain() -> None:
    texts = [
        "Rett syndrome is caused by mutations in the MECP2 gene.",
        "Mutations in MECP2 were found in most girls with Rett syndrome.",
        "A few patients with Rett syndrome have a mutation in CDKL5.",
    ]
    articles = [article(str(key), "Genetics of Rett syndrome", ("", text)) for key, text in enumerate(texts)]
    reading = read("Which gene is mutated in Rett syndrome?", *articles, abstain_below=0.0)
    chances = {answer.text: answer.score for answer in reading.exact_answers}
    assert chances["MECP2"] > chances["CDKL5"]
    assert all(0 < chance < 0.99 for chance in chances.values())


def test_a_sentence_of_two_words_is_never_a_statement() -> None:
    noisy = article("7", "Statins and stroke", ("", "Statins reduce the risk of stroke. [References: 49]"))
    reading = read("Do statins reduce the risk of stroke?", noisy, abstain_below=0.0)
    assert [statement.text for statement in reading.statements] == ["Statins reduce the risk of stroke."]


def test_wrong_use_is_refused() -> None:
    with pytest.raises(UsageError, match="question is empty"):
        read("  \n", STATINS)
    with pytest.raises(UsageError, match="one score for each"):
        ExtractiveReader.open(AnswerSettings()).read(Question(QUESTION), [STATINS], [])


def test_a_question_of_100_kb_is_read() -> None:
    assert read(QUESTION + " statins" * 12_000, STATINS).question_type == "yesno"


def test_the_same_question_gets_the_same_answer() -> None:
    assert read(QUESTION, STATINS, AGAINST, UNRELATED) == read(QUESTION, STATINS, AGAINST, UNRELATED)


pieces = st.sampled_from(
    ["Statins ", "reduce ", "atrial fibrillation", ". ", " (P<.05)", "e\u0301tude ", "\u00e9", "β-blockers ", "\ud83d",
     "🫀",      "\u202e", "。", "MECP2 ", "\n\n", "No ", "effect ", "CONCLUSION: ", "? ", "in conclusion, ", "12% "]
)  # fmt: skip
texts = st.lists(pieces, max_size=30).map("".join) | st.text(st.characters(exclude_categories=()), max_size=80)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(texts, texts), max_size=4), st.sampled_from([None, "yesno", "factoid", "list", "summary"]))
def test_every_quote_is_exact_whatever_the_text(contents: list[tuple[str, str]], kind: str | None) -> None:
    documents = [
        Document(str(key), (Section("title", title), Section("abstract", unicodedata.normalize("NFD", text))))
        for key, (title, text) in enumerate(contents)
    ]
    question = Question("Do statins reduce atrial fibrillation?", type=kind)  # type: ignore[arg-type]
    reader = ExtractiveReader.open(AnswerSettings(abstain_below=0.0))
    reading = reader.read(question, documents, [1.0] * len(documents))
    assert_quotes_are_exact(reading, documents)
    assert reading.abstained == (not reading.statements) or reading.exact_answers or documents


def test_after_its_time_it_reads_no_further_article_and_tells_how_many_it_read() -> None:
    others = [replace(AGAINST, id=str(number)) for number in range(10, 30)]
    reading = read(QUESTION, STATINS, *others, budget_ms=1)
    (notice,) = [notice for notice in reading.notices if notice.kind == "partly_read"]
    n_read = int(re.findall(r"the first (\d+) were read", notice.message)[0])
    assert 1 <= n_read < 21
    cited = {span.document_id for statement in reading.statements for span in statement.spans}
    assert cited <= {"1", *(document.id for document in others[: n_read - 1])}
    assert_quotes_are_exact(reading, [STATINS, *others])
    assert reading == replace(read(QUESTION, STATINS, *others[: n_read - 1]), notices=reading.notices)


def test_with_time_enough_the_answer_is_the_same() -> None:
    assert read(QUESTION, STATINS, AGAINST, UNRELATED, budget_ms=600_000) == read(QUESTION, STATINS, AGAINST, UNRELATED)
