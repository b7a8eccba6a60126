"""BioASQ phases A+ and B, exact answers: yes/no, factoid and list measures of the official program (version 9).

Strings are compared after lower-casing and nothing else: no trimming, no stemming. Of each submitted entry only
the first string counts; a gold entry matches by any of its synonyms.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from ragqa.evaluate.measures.bioasq.common import Pairs, f1, paired
from ragqa.evaluate.measures.bioasq.question import MAX_FACTOIDS, BioasqQuestion
from ragqa.evaluate.measures.measure import (
    Declaration,
    Floats,
    Measure,
    Scores,
    combined_measure,
    first,
    mean_measure,
    ratio_or_zero,
)

_TYPES = ("yesno", "factoid", "list")


def f1_yes(means: Floats) -> Floats:
    """The program's F1 of yes from the means of right yes, right no and wrong, float64 [..., 3]."""
    return ratio_or_zero(np.stack([2 * means[..., 0], 2 * means[..., 0] + means[..., 2]], axis=-1))


def f1_no(means: Floats) -> Floats:
    """The same of no."""
    return ratio_or_zero(np.stack([2 * means[..., 1], 2 * means[..., 1] + means[..., 2]], axis=-1))


def macro_f1(means: Floats) -> Floats:
    """The mean of both."""
    return (f1_yes(means) + f1_no(means)) / 2


_YESNO_F1 = {"yesno_f1_yes": f1_yes, "yesno_f1_no": f1_no, "yesno_macro_f1": macro_f1}
_SHARES = frozenset({"yesno_accuracy", "factoid_strict", "factoid_lenient"})
_MEASURES = ("accuracy", "f1_yes", "f1_no", "macro_f1"), ("strict", "lenient", "mrr"), ("precision", "recall", "f1")
DECLARATIONS = tuple(
    Declaration(
        prefix + name,
        denominator=f"{whose} {kind} questions",
        is_proportion=name in _SHARES,
        combine=_YESNO_F1.get(name, first),
    )
    for kind, names in zip(_TYPES, _MEASURES, strict=True)
    for name in (f"{kind}_{one}" for one in names)
    for prefix, whose in (("", "all"), ("official_", "submitted"))
)


def score_exact_answers(gold: Mapping[str, BioasqQuestion], submission: Mapping[str, BioasqQuestion]) -> Scores:
    """Score the exact answers of a submission.

    ``yesno_accuracy``, ``yesno_f1_yes``, ``yesno_f1_no``, ``yesno_macro_f1`` (the official yes/no measure),
    ``factoid_strict`` (first entry right), ``factoid_lenient`` (any right), ``factoid_mrr`` (the official one),
    ``list_precision``, ``list_recall`` and ``list_f1`` (the official one), each over every gold question of its
    type: a missing answer is wrong, a yes/no answer that is not the bare word is wrong, factoids are cut at 5.

    With ``official_`` before the name they are what the official program prints: questions missing from the
    submission are left out, any text with "yes" in it is a yes and any other with "no" in it a no ("I do not
    know" is a no), and factoids are not cut.

    Returns
    -------
    Scores
        Counts: ``n_questions``, and of each type ``n_yesno``, ``n_factoid``, ``n_list``; ``n_missing``
        (questions that the submission lacks), ``n_unanswered`` (there, but without an exact answer),
        ``n_unparsed`` (yes/no answers that are not the bare word), ``n_factoids_cut``, ``n_without_gold`` (typed
        questions without a gold answer: left out), ``n_not_in_gold``. A type with no gold question has no
        measures, which a note says.

    Raises
    ------
    UsageError
        The submission has none of the gold questions.
    """
    typed = {question_id: question for question_id, question in gold.items() if question.type in _TYPES}
    scorable = {question_id: question for question_id, question in typed.items() if question.exact_answer}
    pairs = paired(scorable, submission, gold)
    by_type = {kind: [q for q, question in scorable.items() if question.type == kind] for kind in _TYPES}
    measures: dict[str, Measure] = {}
    notes = []
    for kind, score in _SCORERS.items():
        if by_type[kind]:
            measures.update(score("", by_type[kind], pairs, official=False))
        else:
            notes.append(f"the gold file has no {kind} question with an exact answer, so there are no {kind} measures")
        submitted = [question_id for question_id in by_type[kind] if question_id in pairs.submitted]
        if submitted:
            measures.update(score("official_", submitted, pairs, official=True))
        elif by_type[kind]:
            notes.append(f"the submission has no {kind} question, so the official program has no {kind} measures")
    counts = {
        "n_questions": len(scorable),
        **{f"n_{kind}": len(ids) for kind, ids in by_type.items()},
        "n_missing": pairs.n_missing,
        "n_unanswered": sum(not pairs.answers[q].exact_answer for q in scorable) - pairs.n_missing,
        "n_unparsed": sum(
            bool(pairs.answers[q].exact_answer) and _bare_label(pairs.answers[q]) is None for q in by_type["yesno"]
        ),
        "n_factoids_cut": sum(len(_entries(pairs.answers[q])) > MAX_FACTOIDS for q in by_type["factoid"]),
        "n_without_gold": len(typed) - len(scorable),
        "n_not_in_gold": pairs.n_unknown,
    }
    return Scores(measures, counts, tuple(notes))


def _score_yesno(prefix: str, ids: Sequence[str], pairs: Pairs, *, official: bool) -> dict[str, Measure]:
    read = _official_label if official else _bare_label
    is_yes = np.array([_official_label(pairs.gold[q]) == "yes" for q in ids], dtype=np.float64)
    right = np.array([read(pairs.answers[q]) == _official_label(pairs.gold[q]) for q in ids], dtype=np.float64)
    # The program counts every wrong answer against both labels: F1 = 2 right / (2 right + all wrong).
    features = np.stack([right * is_yes, right * (1 - is_yes), 1 - right], axis=1)

    accuracy = mean_measure(f"{prefix}yesno_accuracy", dict(zip(ids, right.tolist(), strict=True)))
    measures = {accuracy.name: accuracy}
    for name, combine in _YESNO_F1.items():
        measures[prefix + name] = combined_measure(prefix + name, ids, right, features, combine)
    return measures


def _score_factoid(prefix: str, ids: Sequence[str], pairs: Pairs, *, official: bool) -> dict[str, Measure]:
    strict, lenient, reciprocal = {}, {}, {}
    for question_id in ids:
        synonyms = {name.lower() for entry in _entries(pairs.gold[question_id]) for name in entry}
        entries = _first_strings(pairs.answers[question_id])
        ranks = [rank for rank, name in enumerate(entries, start=1) if name in synonyms]
        rank = ranks[0] if ranks and (official or ranks[0] <= MAX_FACTOIDS) else None
        strict[question_id] = float(rank == 1)
        lenient[question_id] = float(rank is not None)
        reciprocal[question_id] = 1 / rank if rank else 0.0
    columns = {"factoid_strict": strict, "factoid_lenient": lenient, "factoid_mrr": reciprocal}
    return {prefix + name: mean_measure(prefix + name, values) for name, values in columns.items()}


def _score_list(prefix: str, ids: Sequence[str], pairs: Pairs, *, official: bool) -> dict[str, Measure]:
    del official  # The program reads and scores a submitted list as it should be.
    columns: dict[str, dict[str, float]] = {"list_precision": {}, "list_recall": {}, "list_f1": {}}
    for question_id in ids:
        groups = [{name.lower() for name in entry} for entry in _entries(pairs.gold[question_id])]
        precision, recall = list_precision_recall(_first_strings(pairs.answers[question_id]), groups)
        columns["list_precision"][question_id] = precision
        columns["list_recall"][question_id] = recall
        columns["list_f1"][question_id] = f1(precision, recall)
    return {prefix + name: mean_measure(prefix + name, values) for name, values in columns.items()}


_SCORERS = {"yesno": _score_yesno, "factoid": _score_factoid, "list": _score_list}


def list_precision_recall(answers: Sequence[str], gold: Sequence[set[str]]) -> tuple[float, float]:
    """Precision and recall of a list answer.

    Each answer uses up the first gold group that names it, so a second synonym of it is wrong. A gold group that
    no answer used up still counts as found where an answer names it (two groups can share a synonym).

    >>> list_precision_recall(["bcma", "b-cell maturation antigen"], [{"b-cell maturation antigen", "bcma"}, {"cd3"}])
    (0.5, 0.5)
    """
    left = list(gold)
    n_right = 0
    for answer in answers:
        place = next((place for place, group in enumerate(left) if answer in group), None)
        if place is not None:
            n_right += 1
            del left[place]
    if not answers:
        return 0.0, 0.0
    # Each answer can make up for one such group only, as the program takes answers out once they are used here.
    unused = list(answers)
    n_not_found = 0
    for group in left:
        match = next((answer for answer in unused if answer in group), None)
        if match is None:
            n_not_found += 1
        else:
            unused.remove(match)
    found = n_right + n_not_found
    return n_right / len(answers), n_right / found if found else 0.0


def _entries(question: BioasqQuestion) -> tuple[tuple[str, ...], ...]:
    answer = question.exact_answer
    return () if answer is None or isinstance(answer, str) else answer


def _first_strings(question: BioasqQuestion) -> list[str]:
    return [entry[0].lower() if entry else "" for entry in _entries(question)]


def _text(question: BioasqQuestion) -> str:
    return question.exact_answer.lower() if isinstance(question.exact_answer, str) else ""


def _bare_label(question: BioasqQuestion) -> str | None:
    text = _text(question).strip()
    return text if text in ("yes", "no") else None


def _official_label(question: BioasqQuestion) -> str | None:
    text = _text(question)
    return next((label for label in ("yes", "no") if label in text), None)
