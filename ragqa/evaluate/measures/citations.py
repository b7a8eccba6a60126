"""Citations: do they exist, are the quotes exact, and does the cited text entail what it is cited for (ALCE).

Existence and exactness are facts about the store. Citation recall and precision follow ALCE (Gao et al.,
EMNLP 2023) and depend on an entailment model, so its name is part of the figure's: ``alce_recall[NAME]``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ragqa.errors import UsageError
from ragqa.evaluate.measures.entailment import EntailmentModel
from ragqa.evaluate.measures.measure import (
    Declaration,
    Floats,
    Measure,
    Scores,
    answered_measure,
    combined_measure,
    mean_measure,
    ratio,
    ratio_or_zero,
)
from ragqa.types import Statement

SectionText = Callable[[str, str], str | None]
"""``section_text(document_id, section)``: the text in the store, or None where there is none."""

MAX_CITATIONS = 3

DECLARATIONS = (
    Declaration("citation_existence", denominator="spans", combine=ratio_or_zero),
    Declaration("span_exactness", denominator="spans", combine=ratio_or_zero),
    Declaration("statements_cited", denominator="statements", combine=ratio_or_zero),
    Declaration("alce_recall[*]"),
    Declaration("alce_precision[*]"),
    Declaration("false_premise_corrected[*]", is_proportion=True),
    Declaration("alce_recall_answered[*]", denominator="answered questions", is_conditional=True, combine=ratio),
    Declaration("alce_precision_answered[*]", denominator="answered questions", is_conditional=True, combine=ratio),
)


@dataclass(frozen=True, slots=True)
class CitedSentence:
    """A sentence of an answer and the texts that it cites; None for a citation that leads nowhere."""

    text: str
    passages: tuple[str | None, ...]


def score_citations(answers: Mapping[str, Sequence[Statement] | None], section_text: SectionText) -> Scores:
    """Whether the cited places exist and the quotes stand there.

    Parameters
    ----------
    answers
        Question id → statements; None or none for an abstention.
    section_text
        Looks up a section's text in the store.

    Returns
    -------
    Scores
        ``citation_existence`` (spans whose document and section exist / spans), ``span_exactness`` (spans whose
        quote is the text at their offsets / spans), ``statements_cited`` (statements with a span / statements).
        Counts: ``n_questions``, ``n_abstained``, ``n_statements``, ``n_spans``. Where there are no spans or
        statements to divide by, the figure is 0 and a note says so.

    Raises
    ------
    UsageError
        There are no questions.
    """
    if not answers:
        raise UsageError("there are no answers whose citations could be checked")
    rows = np.zeros((len(answers), 5))
    for row, statements in enumerate(answers.values()):
        for statement in statements or ():
            rows[row] += (0, 0, 0, bool(statement.spans), 1)
            for span in statement.spans:
                text = section_text(span.document_id, span.section)
                exact = text is not None and 0 <= span.begin <= span.end and text[span.begin : span.end] == span.quote
                rows[row] += (text is not None, exact, 1, 0, 0)
    ids = tuple(answers)
    columns = {"citation_existence": (0, 2), "span_exactness": (1, 2), "statements_cited": (3, 4)}
    measures = {name: _ratio(name, ids, rows[:, list(pair)]) for name, pair in columns.items()}
    counts = {
        "n_questions": len(ids),
        "n_abstained": sum(not statements for statements in answers.values()),
        "n_statements": int(rows[:, 4].sum()),
        "n_spans": int(rows[:, 2].sum()),
    }
    notes = () if counts["n_spans"] else ("no answer has a citation, so the shares of citations are set to 0",)
    return Scores(measures, counts, notes)


def score_alce(answers: Mapping[str, Sequence[CitedSentence] | None], model: EntailmentModel) -> Scores:
    """ALCE's citation recall and precision, over all questions, and over the answers alone as ALCE has them.

    A sentence's recall is 1 if it cites something, every citation leads somewhere, and the cited texts together
    entail it. A citation of such a sentence is precise unless it alone does not entail the sentence while the
    others without it still do; the citations of any other sentence are not precise. At most the first 3
    citations of a sentence count, as in ALCE's program. An answer without citations has a precision of 0.
    The citations of a sentence of which one leads nowhere are left out of the precision, as in ALCE's program.

    Parameters
    ----------
    answers
        Question id → sentences with what they cite; None or none for an abstention, which has recall and
        precision 0 and is left out of the figures over the answers.
    model
        The entailment model; its name becomes part of the measures' names.

    Returns
    -------
    Scores
        ``alce_recall[NAME]``, ``alce_precision[NAME]`` over all questions; ``alce_recall_answered[NAME]``,
        ``alce_precision_answered[NAME]`` over the answers. Counts: ``n_questions``, ``n_abstained``, ``n_sentences``,
        ``n_citations``, ``n_dangling`` (sentences with a citation that leads nowhere).

    Raises
    ------
    UsageError
        Every answer is an abstention.
    """
    judged = {question_id: sentences for question_id, sentences in answers.items() if sentences}
    if not judged:
        raise UsageError(f"all of the {len(answers)} answers are abstentions; there are no citations to judge")
    flat = [_Sentence.of(sentence) for sentences in judged.values() for sentence in sentences]
    _judge(flat, model)
    recall, precision, place = {}, {}, 0
    for question_id, sentences in judged.items():
        mine = flat[place : place + len(sentences)]
        place += len(sentences)
        n_citations = sum(sentence.n_citations for sentence in mine)
        recall[question_id] = sum(sentence.entailed for sentence in mine) / len(mine)
        precision[question_id] = sum(sentence.n_precise for sentence in mine) / n_citations if n_citations else 0.0
    counts = {
        "n_questions": len(answers),
        "n_abstained": len(answers) - len(judged),
        "n_sentences": len(flat),
        "n_citations": sum(sentence.n_citations for sentence in flat),
        "n_dangling": sum(sentence.dangling for sentence in flat),
    }
    measures = {}
    for kind, values in (("recall", recall), ("precision", precision)):
        whole, answered = f"alce_{kind}[{model.name}]", f"alce_{kind}_answered[{model.name}]"
        measures[whole] = mean_measure(whole, {question_id: values.get(question_id, 0.0) for question_id in answers})
        measures[answered] = answered_measure(answered, tuple(answers), values)
    return Scores(measures, counts)


def cited_sentences(statements: Sequence[Statement], section_text: SectionText) -> list[CitedSentence]:
    """Statements with the sections that they cite, each section once, in order."""
    cited = []
    for statement in statements:
        places = dict.fromkeys((span.document_id, span.section) for span in statement.spans)
        cited.append(CitedSentence(statement.text, tuple(section_text(*place) for place in places)))
    return cited


@dataclass(slots=True)
class _Sentence:
    text: str
    passages: list[str]
    n_citations: int
    dangling: bool
    entailed: bool = False
    n_precise: int = 0

    @classmethod
    def of(cls, sentence: CitedSentence) -> "_Sentence":
        if not all(sentence.passages):
            return cls(sentence.text, [], 0, dangling=True)
        cited = [passage for passage in sentence.passages if passage][:MAX_CITATIONS]
        return cls(sentence.text, cited, len(cited), dangling=False)


def _judge(sentences: Sequence[_Sentence], model: EntailmentModel) -> None:
    """Fill in ``entailed`` and ``n_precise`` with two batches for the model."""
    whole = [sentence for sentence in sentences if sentence.passages]
    judgements = model.entails([("\n".join(sentence.passages), sentence.text) for sentence in whole])
    for sentence, entailed in zip(whole, judgements, strict=True):
        sentence.entailed = bool(entailed)
        sentence.n_precise = int(sentence.entailed and sentence.n_citations == 1)
    several = [sentence for sentence in whole if sentence.entailed and sentence.n_citations > 1]
    pairs = []
    for sentence in several:
        for place, passage in enumerate(sentence.passages):
            others = sentence.passages[:place] + sentence.passages[place + 1 :]
            pairs += [(passage, sentence.text), ("\n".join(others), sentence.text)]
    judged = iter(model.entails(pairs) if pairs else ())
    for sentence in several:
        for _ in sentence.passages:
            alone, rest = next(judged), next(judged)
            sentence.n_precise += bool(alone or not rest)


def _ratio(name: str, ids: tuple[str, ...], counts: Floats) -> Measure:
    return combined_measure(name, ids, ratio_or_zero(counts), counts, ratio_or_zero)
