"""Multiple choice in MIRAGE's way: accuracy by set, and what its parser would have made of unreadable answers.

MIRAGE's parser takes the first of several patterns that fits and falls back to ``A``. An answer that fits none
is wrong here; ``mirage_accuracy`` is the figure with the fallback, comparable with published ones.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import (
    Declaration,
    Measure,
    Scores,
    combined_measure,
    mean_measure,
    mean_of_ratios,
)

LETTERS = "ABCD"
MIRAGE_SETS = ("mmlu", "medqa", "medmcqa", "pubmedqa", "bioasq")
_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"^\s*([A-D])$",
        r"^\s*([A-D]) or",
        r"^\s*([A-D]) and",
        r"^\s*([A-D])/",
        r"^\s*([A-D]),",
        r"[Oo]ption ([A-D])",
        r":\s*([A-D])",
        r"^\s*([A-D])\.",
        r'^\s*([A-D])"',
        r"^\s*([A-D]):",
    )
)
_MARK = '"answer_choice": "'

DECLARATIONS = (
    Declaration("accuracy_*", is_proportion=True, denominator="the questions of the set"),
    Declaration("mirage_accuracy", is_proportion=True),
    Declaration("mirage_accuracy_*", is_proportion=True, denominator="the questions of the set"),
    Declaration("mean_accuracy", denominator="all sets, equally", combine=mean_of_ratios),
    Declaration("mean_mirage_accuracy", denominator="all sets, equally", combine=mean_of_ratios),
    Declaration("unparsed_rate", higher_is_better=False, is_proportion=True),
)


def parse_choice(generated: str) -> str | None:
    """The letter that MIRAGE's parser finds in a generated text, or None where it would fall back to ``A``.

    >>> parse_choice('{"step_by_step_thinking": "…", "answer_choice": "C"}')
    'C'
    >>> parse_choice("I cannot tell.") is None
    True
    """
    text = generated.rsplit(_MARK, maxsplit=1)[-1].strip()
    return next((match[1] for pattern in _PATTERNS if (match := pattern.search(text))), None)


def score_choices(
    gold: Mapping[str, str], generated: Mapping[str, str | None], sets: Mapping[str, str] | None = None
) -> Scores:
    """Accuracy over all questions, of each set, and as the unweighted mean of the sets.

    Parameters
    ----------
    gold
        Question id → letter.
    generated
        Question id → letter or generated text; None or missing is no answer.
    sets
        Question id → name of its set; None for a single set.

    Returns
    -------
    Scores
        ``accuracy``, ``mirage_accuracy`` and ``unparsed_rate`` over all questions; with ``sets`` also
        ``accuracy_SET`` and ``mirage_accuracy_SET``, and ``mean_accuracy`` and ``mean_mirage_accuracy``, the
        unweighted means of the sets. Counts: ``n_questions``, ``n_missing``, ``n_unparsed``, ``n_SET``.

    Raises
    ------
    UsageError
        The gold is empty or no letter.
    """
    wrong = [question_id for question_id, letter in gold.items() if letter not in tuple(LETTERS)]
    if not gold or wrong:
        raise UsageError(f"{len(wrong)} of {len(gold)} gold answers are not a letter A to D; check the gold file")
    read = {question_id: parse_choice(generated.get(question_id) or "") for question_id in gold}
    columns: dict[str, dict[str, float]] = {"accuracy": {}, "mirage_accuracy": {}, "unparsed_rate": {}}
    for question_id, letter in gold.items():
        columns["accuracy"][question_id] = float(read[question_id] == letter)
        columns["mirage_accuracy"][question_id] = float((read[question_id] or "A") == letter)
        columns["unparsed_rate"][question_id] = float(read[question_id] is None)
    measures = {name: mean_measure(name, values) for name, values in columns.items()}
    n_missing = sum(not generated.get(question_id) for question_id in gold)
    counts = {
        "n_questions": len(gold),
        "n_missing": n_missing,
        "n_unparsed": sum(letter is None for letter in read.values()) - n_missing,
    }
    if sets:
        names = list(dict.fromkeys(sets[question_id] for question_id in gold))
        counts |= {f"n_{name}": sum(sets[question_id] == name for question_id in gold) for name in names}
        for kind in ("accuracy", "mirage_accuracy"):
            measures |= _by_set(kind, columns[kind], sets, names)
    return Scores(measures, counts)


def _by_set(
    kind: str, values: Mapping[str, float], sets: Mapping[str, str], names: Sequence[str]
) -> dict[str, Measure]:
    measures = {}
    for name in names:
        inside = {question_id: value for question_id, value in values.items() if sets[question_id] == name}
        measures[f"{kind}_{name}"] = mean_measure(f"{kind}_{name}", inside)
    ids = tuple(values)
    belongs = np.array([[sets[question_id] == name for name in names] for question_id in ids], dtype=np.float64)
    right = np.array([values[question_id] for question_id in ids])

    features = np.hstack([belongs * right[:, None], belongs])
    measures[f"mean_{kind}"] = combined_measure(f"mean_{kind}", ids, right, features, mean_of_ratios)
    return measures
