"""Questions that are not English are told from those that are."""

import json
import os
from pathlib import Path

import pytest

from ragqa.answer.extractive.reader import ExtractiveReader
from ragqa.answer.language import language_of
from ragqa.recipe import AnswerSettings
from ragqa.types import Document, Question, Section

QUESTIONS = """
fr | Les statines préviennent-elles la démence chez les personnes âgées ?
fr | Quels sont les symptômes du syndrome de Rett ?
fr | L'aspirine réduit-elle le risque d'infarctus ?
fr | Est-ce que la metformine est efficace pour le diabète ?
de | Senken Statine das Risiko für Demenz?
de | Welche Symptome hat das Rett-Syndrom?
de | Hilft Aspirin gegen Kopfschmerzen bei Kindern?
de | Ist Metformin bei der Behandlung von Diabetes wirksam?
es | ¿Las estatinas previenen la demencia?
es | ¿Cuáles son los síntomas del síndrome de Rett?
es | ¿Es eficaz la metformina para la diabetes?
it | Le statine prevengono la demenza negli anziani?
it | Quali sono i sintomi della sindrome di Rett?
pt | As estatinas previnem a demência nos idosos?
pt | Quais são os sintomas da síndrome de Rett?
nl | Wat zijn de symptomen van het syndroom van Rett?
en | Do statins prevent dementia in the elderly?
en | Symptoms of Rett syndrome?
en | De novo mutations in autism?
en | Is Guillain-Barré syndrome associated with Zika virus?
en | Do Afamin bind Vitamin E?
pt | O que é a síndrome de Rett?
en | Does Ménière's disease cause vertigo?
en | NSAIDs BP?
en | Is café au lait spot number a criterion of NF1?
en | Does die-back occur in ALS?
en | Sjögren syndrome treatment
en | Which genes cause Charcot-Marie-Tooth disease?
"""
CASES = [tuple(part.strip() for part in line.split("|")) for line in QUESTIONS.strip().splitlines()]
ABSTRACT = "Les statines préviennent la démence. Statins prevented dementia in a trial of 900 adults. Statins are safe."
DOCUMENT = Document("1", (Section("title", "Statins and dementia"), Section("abstract", ABSTRACT)))


@pytest.mark.parametrize(("language", "text"), CASES)
def test_the_language_of_a_question(language: str, text: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize("text", ["スタチンは認知症を予防しますか", "Предотвращают ли статины деменцию?"])
def test_other_scripts(text: str) -> None:
    assert language_of(text) == ""


def test_no_verdict_is_given_in_a_language_that_is_not_read() -> None:
    reader = ExtractiveReader.open(AnswerSettings(abstain_below=0.0), None)

    french = reader.read(Question("Les statines préviennent-elles la démence ?", type="yesno"), [DOCUMENT], [1.0])
    written = Document(
        "2", (Section("abstract", "Statins significantly reduced the incidence of dementia (P < .01)."),)
    )
    english = reader.read(Question("Do statins prevent dementia?"), [written], [1.0])

    assert (french.verdict, dict(french.verdict_probabilities)) == (None, {})
    assert any(notice.kind == "language" and "French" in notice.message for notice in french.notices)
    assert english.verdict is not None
    assert all(notice.kind != "language" for notice in english.notices)


@pytest.mark.skipif(not os.environ.get("RAGQA_TEST_DATA"), reason="RAGQA_TEST_DATA points at no data")
def test_real_english_questions_are_english() -> None:
    data = Path(os.environ["RAGQA_TEST_DATA"])
    lines = (data / "beir" / "bioasq-passages" / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    pubmedqa = json.loads((data / "pubmedqa" / "ori_pqal.json").read_text(encoding="utf-8"))
    texts += [item["QUESTION"] for item in pubmedqa.values()]

    wrong = [text for text in texts if language_of(text) != "en"]

    assert len(wrong) <= 0.001 * len(texts), wrong
