"""Short answers by their words: exact match and F1, as SQuAD scores them (Rajpurkar et al., EMNLP 2016)."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import Declaration, Scores, mean_measure

DECLARATIONS = (
    Declaration("exact_match", denominator="questions with an answer", is_proportion=True),
    Declaration("answer_f1", denominator="questions with an answer"),
)
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")


def normalised_answer(text: str) -> str:
    """Lower case, without punctuation, articles and surplus space; signs of equal meaning as one (NFKC).

    >>> normalised_answer("The  Beta-Blockers, e.g. Propranolol.")
    'betablockers eg propranolol'
    """
    kept = "".join(
        sign for sign in unicodedata.normalize("NFKC", text).lower() if not unicodedata.category(sign).startswith("P")
    )
    return " ".join(_ARTICLE.sub(" ", kept).split())


def is_exact_match(given: str, wanted: Sequence[str]) -> bool:
    """Whether an answer is one of those wanted, once both are normalised.

    >>> is_exact_match("the Statins", ["statins", "HMG-CoA reductase inhibitors"])
    True
    """
    normal = normalised_answer(given)
    return bool(normal) and any(normal == normalised_answer(one) for one in wanted)


def answer_f1(given: str, wanted: Sequence[str]) -> float:
    """The harmonic mean of precision and recall of an answer's words, against the wanted answer that fits best.

    >>> answer_f1("statins and fibrates", ["statins"])
    0.5
    """
    return max((_f1(normalised_answer(given).split(), normalised_answer(one).split()) for one in wanted), default=0.0)


def score_short_answers(wanted: Mapping[str, Sequence[str]], given: Mapping[str, str]) -> Scores:
    """``exact_match`` and ``answer_f1`` over all questions that have an answer; who answers nothing has 0.

    Returns
    -------
    Scores
        Counts: ``n_questions``, ``n_without_answer``.

    Raises
    ------
    UsageError
        No question has an answer.
    """
    asked = {question: answers for question, answers in wanted.items() if answers}
    if not asked:
        raise UsageError("no question has an answer to match")
    measures = {
        "exact_match": mean_measure(
            "exact_match", {q: float(is_exact_match(given.get(q, ""), answers)) for q, answers in asked.items()}
        ),
        "answer_f1": mean_measure(
            "answer_f1", {q: answer_f1(given.get(q, ""), answers) for q, answers in asked.items()}
        ),
    }
    silent = sum(not given.get(question, "").strip() for question in asked)
    return Scores(measures, {"n_questions": len(asked), "n_without_answer": silent})


def _f1(given: Sequence[str], wanted: Sequence[str]) -> float:
    n_shared = sum((Counter(given) & Counter(wanted)).values())
    return 2 * n_shared / (len(given) + len(wanted)) if n_shared else 0.0
