"""How far a judge can be trusted: an entailment model's judgements beside the labels that people gave.

A faithfulness measured by a judge says as much about the judge as about the answers. Claims with their evidence and
a human label tell the two apart: chance-corrected agreement (Cohen's kappa, 1960) and the area under the ROC curve.
"""

from dataclasses import dataclass

import numpy as np

from ragqa.errors import BackendError, UsageError
from ragqa.evaluate.measures.entailment import EntailmentModel, GradedEntailment, judged
from ragqa.evaluate.measures.measure import Floats
from ragqa.evaluate.stats.intervals import N_RESAMPLES, SEED, Interval, interval_of
from ragqa.evaluate.stats.roc import area_under_curve, auc_interval
from ragqa.evaluate.tasks.evidence import CLAIM_LABELS, SUPPORTS
from ragqa.evaluate.tasks.task import Task, TaskQuestion


@dataclass(frozen=True, slots=True)
class JudgeAgreement:
    """A judge beside people, over claims with their evidence.

    Attributes
    ----------
    judge
        The judge's name; it changes with everything that changes a judgement.
    task
        Name, split and setting of the labelled claims.
    n_pairs
        Claims judged.
    confusion
        ``both``: judge and people say that the evidence supports the claim; ``judge``, ``people``: only they do;
        ``none``: neither does.
    kappa
        Cohen's kappa with its interval over claims; None where judge and people both always say the same thing,
        since chance alone then agrees fully.
    auc
        Area under the ROC curve of the judge's strengths; None for a judge without strengths, or where people gave
        all claims the same label.
    auc_interval
        Lower and upper bound of it, 95%, as :func:`ragqa.evaluate.stats.roc.auc_interval` (DeLong's) makes it.
    n_unjudged, first_error
        Claims about which the judge gave no judgement that can be read: they count as not supported.
    """

    judge: str
    task: str
    n_pairs: int
    confusion: dict[str, int]
    kappa: Interval | None
    auc: float | None
    auc_interval: tuple[float, float] | None = None
    n_unjudged: int = 0
    first_error: str = ""


def judge_agreement(
    judge: EntailmentModel, task: Task, limit: int | None = None, n_resamples: int = N_RESAMPLES, seed: int = SEED
) -> JudgeAgreement:
    """Let a judge decide of each claim whether its evidence supports it, and compare with the labels.

    Raises
    ------
    UsageError
        The task has no claims with the labels supports, contradicts, neither and documents given, or ``limit``
        leaves none.
    BackendError
        The judge has no judgement of any claim.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"the limit is {limit}; it is 1 or more, for example --limit 100")
    questions = [one for one in task.questions if one.label in CLAIM_LABELS and one.documents][:limit]
    if not questions:
        raise UsageError(
            f"the task {task.name!r} ({task.setting or 'its only setting'}) has no labelled claims with their evidence "
            "to judge by; take healthver, covid-fact, or scifact-claims with a setting that gives the abstracts"
        )
    people = np.array([one.label == SUPPORTS for one in questions])
    found = judged(judge, [(_premise(one), one.text) for one in questions])
    said = np.array([one.entailed for one in found], dtype=bool)
    strengths = np.array([one.strength for one in found]) if isinstance(judge, GradedEntailment) else None
    errors = [one.error for one in found if one.error]
    if len(errors) == len(found):
        raise BackendError(f"{judge.name} has no judgement of any of {len(found)} claims; the first: {errors[0]}")
    cells = np.stack([said & people, said & ~people, ~said & people, ~said & ~people], axis=1).astype(np.float64)
    counts = cells.sum(axis=0).astype(int).tolist()
    ranked = None if strengths is None or people.all() or not people.any() else (strengths[people], strengths[~people])
    return JudgeAgreement(
        judge=judge.name,
        task=" ".join(part for part in (task.name, task.split, task.setting) if part),
        n_pairs=len(questions),
        confusion=dict(zip(("both", "judge", "people", "none"), counts, strict=True)),
        kappa=_kappa_interval(cells, n_resamples, seed),
        auc=area_under_curve(*ranked) if ranked else None,
        auc_interval=auc_interval(*ranked) if ranked else None,
        n_unjudged=len(errors),
        first_error=errors[0] if errors else "",
    )


def kappa_of(shares: Floats) -> Floats:
    """Cohen's kappa of two-by-two tables; NaN where chance alone agrees fully.

    Parameters
    ----------
    shares
        Shares of pairs that both, only the first, only the second, and neither call true, float64 [..., 4].

    >>> float(kappa_of(np.array([0.4, 0.1, 0.1, 0.4])).round(4))
    0.6
    """
    both, first, second, neither = np.moveaxis(shares, -1, 0)
    a, b = both + first, both + second
    chance = a * b + (1 - a) * (1 - b)
    size = 1 - chance
    defined = size > 1e-12
    return np.asarray(np.divide(both + neither - chance, size, out=np.full_like(size, np.nan), where=defined))


def _kappa_interval(cells: Floats, n_resamples: int, seed: int) -> Interval | None:
    value = float(kappa_of(cells.mean(axis=0)))
    if np.isnan(value):
        return None
    return interval_of(value, cells, kappa_of, level=0.95, n_resamples=n_resamples, seed=seed)


def _premise(question: TaskQuestion) -> str:
    """The text of the given documents; titles name the subject and are no evidence."""
    return "\n".join(
        section.text for document in question.documents for section in document.sections if section.name != "title"
    )
