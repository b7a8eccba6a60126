"""ROUGE-2 and ROUGE-SU4 for BioASQ's ideal answers, as ROUGE-1.5.5 computes them with BioASQ's options.

BioASQ's scripts call ``ROUGE-1.5.5.pl -c 95 -2 4 -u -x -n 4``. That means: words are runs of ASCII letters and
digits in lower case (a Greek letter separates words); no stemming, no stop word list; skip bigrams with at
most 4 words between; several references are averaged by adding up matches and counts over all of them. The
unigrams of SU4 leave out the last word of a text, as the program's loop does. Not taken over: the program's
rounding to 5 digits, and that BioASQ's files cut a text at its first ``<``.
"""

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from ragqa.errors import UsageError
from ragqa.evaluate.measures.bioasq.common import f1
from ragqa.evaluate.measures.bioasq.question import MAX_IDEAL_WORDS
from ragqa.evaluate.measures.measure import Declaration, Scores, mean_measure

MAX_SKIP = 4
_WORD = re.compile(r"[A-Za-z0-9]+")

_NAMES = ("rouge_2_recall", "rouge_2_f1", "rouge_su4_recall", "rouge_su4_f1")
DECLARATIONS = tuple(Declaration(name, denominator="questions with a gold ideal answer") for name in _NAMES)


def score_ideal_answers(
    gold: Mapping[str, Sequence[str]], answers: Mapping[str, str | None], max_words: int = MAX_IDEAL_WORDS
) -> Scores:
    """ROUGE of one answer a question against all gold answers of the question.

    Parameters
    ----------
    gold
        Question id → reference answers.
    answers
        Question id → answer; a missing or empty one scores 0.
    max_words
        Longer answers are cut at this many words (separated by white space), BioASQ's limit.

    Returns
    -------
    Scores
        ``rouge_2_recall``, ``rouge_2_f1``, ``rouge_su4_recall``, ``rouge_su4_f1``. Counts: ``n_questions``,
        ``n_missing``, ``n_cut`` (answers that were too long), ``n_without_gold`` (left out).

    Raises
    ------
    UsageError
        No question has a gold answer.
    """
    scorable = {question_id: list(filter(None, texts)) for question_id, texts in gold.items() if any(texts)}
    if not scorable:
        raise UsageError(f"none of the {len(gold)} questions has a gold ideal answer; ROUGE needs references")
    columns: dict[str, dict[str, float]] = {
        name: {} for name in ("rouge_2_recall", "rouge_2_f1", "rouge_su4_recall", "rouge_su4_f1")
    }
    n_cut = n_missing = 0
    for question_id, references in scorable.items():
        words = (answers.get(question_id) or "").split()
        n_missing += not words
        n_cut += len(words) > max_words
        answer = " ".join(words[:max_words])
        for name, (precision, recall) in (("2", rouge_2(answer, references)), ("su4", rouge_su4(answer, references))):
            columns[f"rouge_{name}_recall"][question_id] = recall
            columns[f"rouge_{name}_f1"][question_id] = f1(precision, recall)
    counts = {
        "n_questions": len(scorable),
        "n_missing": n_missing,
        "n_cut": n_cut,
        "n_without_gold": len(gold) - len(scorable),
    }
    note = f"ROUGE: {n_missing} of {len(scorable)} questions have no ideal answer and score 0"
    measures = {name: mean_measure(name, values) for name, values in columns.items()}
    return Scores(measures, counts, (note,) if n_missing else ())


def rouge_2(answer: str, references: Sequence[str]) -> tuple[float, float]:
    """Precision and recall of the bigrams.

    >>> rouge_2("the gene encodes a kinase", ["this gene encodes a kinase"])
    (0.75, 0.75)
    """
    return _precision_recall(bigrams(words_of(answer)), [bigrams(words_of(text)) for text in references])


def rouge_su4(answer: str, references: Sequence[str]) -> tuple[float, float]:
    """Precision and recall of skip bigrams (at most 4 words between) and unigrams."""
    return _precision_recall(skip_bigrams(words_of(answer)), [skip_bigrams(words_of(text)) for text in references])


def words_of(text: str) -> list[str]:
    """The words that ROUGE-1.5.5 sees.

    >>> words_of("IL-1β (interleukin)")
    ['il', '1', 'interleukin']
    """
    return [word.lower() for word in _WORD.findall(text)]


def bigrams(words: Sequence[str]) -> Counter[tuple[str, ...]]:
    """How often each pair of neighbours occurs."""
    return Counter(itertools.pairwise(words))


def skip_bigrams(words: Sequence[str]) -> Counter[tuple[str, ...]]:
    """Pairs in order with at most 4 words between, and every word but the last.

    >>> sorted(skip_bigrams(["a", "b", "c"]))
    [('a',), ('a', 'b'), ('a', 'c'), ('b',), ('b', 'c')]
    """
    grams: Counter[tuple[str, ...]] = Counter()
    for place, word in enumerate(words[:-1]):
        grams[word,] += 1
        for other in words[place + 1 : place + MAX_SKIP + 2]:
            grams[word, other] += 1
    return grams


def _precision_recall(
    answer: Counter[tuple[str, ...]], references: Sequence[Counter[tuple[str, ...]]]
) -> tuple[float, float]:
    matched = sum((answer & reference).total() for reference in references)
    n_answer = answer.total() * len(references)
    n_references = sum(reference.total() for reference in references)
    return (matched / n_answer if n_answer else 0.0), (matched / n_references if n_references else 0.0)
