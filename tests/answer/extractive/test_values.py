"""Questions that ask for a value are answered by values, whose form tells them, and not by names."""

import pytest

from ragqa.answer.extractive.reader import ExtractiveReader
from ragqa.answer.extractive.values import values
from ragqa.answer.question import ValueKind, value_asked
from ragqa.recipe import AnswerSettings
from ragqa.types import Document, Question, Section


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When was dupilumab approved by EMA?", "date"),
        ("In what year did Gregor Mendel die?", "date"),
        ("What percentage of human genes have no introns?", "share"),
        ("How common is atrial fibrillation?", "share"),
        ("How many families did the pilot enrol?", "count"),
        ("What is the half-life of omeprazole?", "measure"),
        ("What does PCAT6 stand for?", "long form"),
        ("When is lorlatinib used?", None),
        ("Which drug lowers the rate of stroke?", None),
        ("How effective is the vaccine?", None),
    ],
)
def test_the_kind_of_value_that_is_asked_for(question: str, kind: ValueKind | None) -> None:
    assert value_asked(question) == kind


@pytest.mark.parametrize(
    ("kind", "question", "sentence", "best_first"),
    [
        ("date", "When was Afrezza approved?", "On sale since February, 2015, approved in June 2014.",
         ["June 2014", "February, 2015"]),
        ("date", "When was it licensed?", "It has an FDA license (June 10, 2016) and 2000 mg.", ["June 10, 2016"]),
        ("date", "When did Mendel live?", "Gregor Mendel (1822-1884) in the early 1850s", ["1822-1884", "1850s"]),
        ("share", "What percentage respond?", "Of all 50-60% respond, 3 per cent don't.", ["50-60%", "3 per cent"]),
        ("share", "What is the incidence of CF?", "CF has an incidence of 1:25,000, or 1.6 per 100,000.",
         ["1:25,000", "1.6 per 100,000"]),
        ("count", "How many families enrolled?", "4660 participants of 2183 families, 12.5% of all", ["2183", "4660"]),
        ("count", "How many classes of viruses are there?", "There are seven classes of viruses.", ["seven"]),
        ("count", "How many patients die?", "Of our cohort (1) 45% of patients, (2) few controls died.", ["45%"]),
        ("count", "How many days did it last?", "In 12 patients it lasted 5 days.", ["5 days"]),
        ("count", "How many of the 100,000 genomes were read?", "The 100,000 genomes project", []),
        ("long form", "What does DMARD stand for?", "Antirheumatic drugs (DMARDs) and factor (TNF).", []),
        ("long form", "What does TNF stand for?", "Tumor necrosis factor (TNF) rises.", ["Tumor necrosis factor"]),
        ("measure", "How long is the half-life?", "Half-life was 2.5 hours after 40 mg.", ["2.5 hours", "40 mg"]),
    ],
)  # fmt: skip
def test_the_values_of_a_sentence(kind: ValueKind, question: str, sentence: str, best_first: list[str]) -> None:
    found = sorted(values(kind, question, sentence), key=lambda value: -value.share)

    assert [sentence[value.begin : value.end] for value in found] == best_first
    assert sum(value.share for value in found) == pytest.approx(1.0 if best_first else 0.0)


def test_a_question_for_a_percentage_gets_what_articles_agree_on_with_its_place() -> None:
    texts = (
        "We counted. Some 3 percent of human genes have no introns.",
        "Of human genes 3% have no introns, as TP53 does.",
        "Of yeast genes 95% have no introns.",
    )
    documents = [
        Document(str(n), (Section("title", "Introns"), Section("abstract", text))) for n, text in enumerate(texts, 1)
    ]
    question = Question("What percentage of human genes have no introns?")

    reading = ExtractiveReader.open(AnswerSettings(abstain_below=0.0)).read(question, documents, [3.0, 2.0, 1.0])

    best, *others = reading.exact_answers
    assert {best.text, *best.synonyms} == {"3 percent", "3%"}
    assert {span.document_id for span in best.spans} == {"1", "2"}
    assert [other.text for other in others] == ["95%"]
    assert all(0 < exact.score < 1 for exact in reading.exact_answers)
    by_id = {document.id: document.sections[1].text for document in documents}
    assert all(by_id[s.document_id][s.begin : s.end] == s.quote for e in reading.exact_answers for s in e.spans)


def test_no_value_is_taken_from_an_article_on_something_else() -> None:
    documents = [
        Document("1", (Section("title", "Vitamin C after wrist fracture: a dose-response trial"),
                       Section("abstract", "Vitamin C prevents the syndrome; a dose of 500 mg a day is advised."))),
        Document("2", (Section("title", "Nesting of storks"),
                       Section("abstract", "Nests of storks weighed 60 kg and more in most villages."))),
    ]  # fmt: skip
    question = Question("What is the dose of vitamin C after a wrist fracture?")

    reading = ExtractiveReader.open(AnswerSettings()).read(question, documents, [1.0, 0.9])

    assert [exact.text for exact in reading.exact_answers] == ["500 mg"]


def test_what_a_short_form_stands_for_may_stand_in_an_aim() -> None:
    text = "We aimed to study prostate cancer-associated transcript 6 (PCAT6). PCAT6 was raised in all tumours."
    document = Document("1", (Section("title", "PCAT6 in tumours"), Section("abstract", text)))

    reading = ExtractiveReader.open(AnswerSettings(abstain_below=0.0)).read(
        Question("What does PCAT6 stand for?"), [document], [1.0]
    )

    assert reading.question_type == "factoid"
    assert [exact.text for exact in reading.exact_answers] == ["prostate cancer-associated transcript 6"]
