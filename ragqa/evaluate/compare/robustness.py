"""A system on the same questions put otherwise: what that does to its figures, and to its single answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from ragqa.errors import UsageError
from ragqa.evaluate.measures.measure import named
from ragqa.evaluate.runs.lines import QuestionLine, read_lines
from ragqa.evaluate.runs.load import LoadedRun
from ragqa.evaluate.runs.task import read_task
from ragqa.evaluate.stats.intervals import N_RESAMPLES, wilson
from ragqa.evaluate.stats.tests import Comparison, compare, holm


@dataclass(frozen=True, slots=True)
class Robustness:
    """One perturbation against the original.

    Attributes
    ----------
    perturbation
        Its name.
    comparison
        The perturbed run (A) minus the original (B), by the paired randomisation test.
    p_holm
        Adjusted for all perturbations of the family.
    n_questions, n_changed
        Questions, and those whose verdict, label, choice or text of the answer is another one.
    changed_low, changed_high
        Wilson's 95 % interval of the share that changed.
    """

    perturbation: str
    comparison: Comparison
    p_holm: float
    n_questions: int
    n_changed: int
    changed_low: float
    changed_high: float


def robustness(
    original: LoadedRun, perturbed: Sequence[LoadedRun], measure: str = "", n_resamples: int = N_RESAMPLES
) -> list[Robustness]:
    """What each perturbation changes.

    Parameters
    ----------
    original
        The run on the questions as they are.
    perturbed
        Runs of the same system on perturbed questions.
    measure
        The measure that is compared; "" for the task's primary one.

    Raises
    ------
    UsageError
        A run is not of the same questions, or of another system, or the original is perturbed itself.
    """
    if not perturbed:
        raise UsageError("name at least one run with --perturb beside the original")
    if original.manifest.task.get("perturbation"):
        raise UsageError(f"{original.path} is perturbed itself; name the run without --perturb first")
    for run in perturbed:
        _check(original, run)
    name = measure or original.primary
    before = _given(original)
    found = [compare(named(run.scores, name), named(original.scores, name), n_resamples) for run in perturbed]
    adjusted = holm({str(place): one.p_value for place, one in enumerate(found)})
    results = []
    for place, (run, comparison) in enumerate(zip(perturbed, found, strict=True)):
        after = _given(run)
        n_changed = sum(before.get(question) != after.get(question) for question in original.questions)
        low, high = wilson(n_changed, len(original.questions))
        perturbation = str(run.manifest.task["perturbation"])
        p_holm = adjusted[str(place)]
        results.append(Robustness(perturbation, comparison, p_holm, len(original.questions), n_changed, low, high))
    return results


def _check(original: LoadedRun, run: LoadedRun) -> None:
    if not run.manifest.task.get("perturbation"):
        raise UsageError(f"{run.path} is not perturbed; make it with: ragqa eval run … --perturb NAME")
    asked, also = ({q.id: (q.label, q.exact_answer) for q in read_task(r.path).task.questions} for r in (original, run))
    if asked != also:
        raise UsageError(
            f"{run.path.name} and {original.path.name} are on different questions ({len(also)} and {len(asked)}); run "
            "both on the same data, split, setting and limit"
        )
    if _system(run) != _system(original):
        raise UsageError(f"{run.path.name} is of another system or recipe than {original.path.name}; use the same")


def _system(run: LoadedRun) -> tuple[object, ...]:
    return run.manifest.recipe, run.manifest.inputs.get("baseline"), run.manifest.prompts


def _given(run: LoadedRun) -> dict[str, str | None]:
    return {line.id: _said(line) for line in read_lines(run.path)}


def _said(line: QuestionLine) -> str | None:
    """What a line answers, in short; None where it failed or abstained."""
    if line.labelled is not None:
        return line.labelled.label
    if line.answer is None:
        return None
    return line.choice or line.answer.verdict or line.answer.text or None
