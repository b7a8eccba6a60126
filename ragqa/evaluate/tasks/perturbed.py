"""The same questions put otherwise: does a system still give the same answers? All changes are rules, seeded by the id.

Words may change (``typos``, ``paraphrase``, ``expand``, ``abbreviate``), a clause that has nothing to do with the
question may come before it (``clause``), or a passage may join the ones given: one of another question
(``irrelevant``), or one that says the opposite of the gold label (``contradicting``).
"""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from ragqa.errors import UsageError, nearest
from ragqa.evaluate.tasks.evidence import CONTRADICTS
from ragqa.evaluate.tasks.task import Task, TaskQuestion
from ragqa.types import Document, Section

N_TYPOS = 2
LONG_FORMS = {
    "AF": "atrial fibrillation",
    "BMI": "body mass index",
    "COPD": "chronic obstructive pulmonary disease",
    "CVD": "cardiovascular disease",
    "DVT": "deep vein thrombosis",
    "ECG": "electrocardiogram",
    "GERD": "gastroesophageal reflux disease",
    "HIV": "human immunodeficiency virus",
    "IBD": "inflammatory bowel disease",
    "ICU": "intensive care unit",
    "MRI": "magnetic resonance imaging",
    "NSCLC": "non-small cell lung cancer",
    "PCR": "polymerase chain reaction",
    "RCT": "randomised controlled trial",
    "SLE": "systemic lupus erythematosus",
    "T2DM": "type 2 diabetes mellitus",
}
"""Abbreviations that have one meaning in medicine."""
SYNONYMS = {
    "treatment": "therapy",
    "effective": "efficacious",
    "improve": "enhance",
    "improves": "enhances",
    "reduce": "lower",
    "reduces": "lowers",
    "prevent": "avert",
    "prevents": "averts",
    "cause": "bring about",
    "causes": "brings about",
    "associated with": "linked to",
    "elderly": "aged",
    "useful": "helpful",
}
_CLAUSES = (
    "A neighbour of mine, who has just moved house, brought this up.",
    "I read about this on the train while it was raining.",
    "My sister, a teacher with two cats, was asked this last week.",
)


def perturbed(task: Task, name: str) -> Task:
    """The task with its questions changed; ids and gold stay, so that runs on both can be compared.

    Parameters
    ----------
    name
        One of :data:`PERTURBATIONS`.

    Raises
    ------
    UsageError
        There is no such perturbation, or it changes none of the questions.
    """
    if name not in PERTURBATIONS:
        raise UsageError(
            f"there is no perturbation {name!r}; {nearest(name, PERTURBATIONS)}. Or give a file that ragqa eval "
            "rewrite wrote (.jsonl)"
        )
    changed = tuple(PERTURBATIONS[name](task, place) for place in range(len(task.questions)))
    n_changed = sum(new != old for new, old in zip(changed, task.questions, strict=True))
    if not n_changed:
        needs = "passages that are given with the questions" if name in _PASSAGES else "words that it knows"
        raise UsageError(f"{name!r} changes none of the questions of {task.name!r}: it needs {needs}; take another")
    note = f"{n_changed} of {len(changed)} questions are changed by {name!r}"
    return replace(task, questions=changed, counts={**task.counts, "n_changed": n_changed}, notes=(*task.notes, note))


def _in_text(change: Callable[[str, random.Random], str]) -> Callable[[Task, int], TaskQuestion]:
    def applied(task: Task, place: int) -> TaskQuestion:
        question = task.questions[place]
        return replace(question, text=change(question.text, random.Random(question.id)))  # noqa: S311

    return applied


def _typos(text: str, chance: random.Random) -> str:
    """Two inner letters swapped in up to two words; abbreviations, numbers and short words stay."""
    found = [match for match in re.finditer(r"\b[A-Z]?[a-z]{5,}\b", text) if _swappable(match[0])]
    for match in sorted(chance.sample(found, min(N_TYPOS, len(found))), key=lambda one: one.start()):
        at = match.start() + chance.choice(_swappable(match[0]))
        text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text


def _swappable(word: str) -> list[int]:
    return [place for place in range(1, len(word) - 2) if word[place] != word[place + 1]]


def _replaced(text: str, table: Mapping[str, str], flags: re.RegexFlag) -> str:
    words = "|".join(re.escape(word) for word in sorted(table, key=len, reverse=True))
    return re.sub(rf"\b(?:{words})\b", lambda match: table.get(match[0]) or table[match[0].lower()], text, flags=flags)


def _paraphrase(text: str, chance: random.Random) -> str:  # noqa: ARG001
    """Words by words of the same meaning; a question that has none of them is asked politely."""
    new = _replaced(text, SYNONYMS, re.NOFLAG)
    if new != text or not text.endswith("?"):
        return new
    first = text[0].lower() if re.match(r"[A-Z][a-z]*\b", text) else text[0]
    return f"Please tell me: {first}{text[1:]}"


def _expand(text: str, chance: random.Random) -> str:  # noqa: ARG001
    return _replaced(text, LONG_FORMS, re.NOFLAG)


def _abbreviate(text: str, chance: random.Random) -> str:  # noqa: ARG001
    return _replaced(text, {long: short for short, long in LONG_FORMS.items()}, re.IGNORECASE)


def _clause(text: str, chance: random.Random) -> str:
    return f"{chance.choice(_CLAUSES)} {text}"


def _irrelevant(task: Task, place: int) -> TaskQuestion:
    """With the passages of the next question that has others."""
    question = task.questions[place]
    others = (task.questions[(place + step) % len(task.questions)] for step in range(1, len(task.questions)))
    for other in others:
        if set(other.source_ids) & set(question.source_ids):
            continue
        if question.contexts and other.contexts:
            return _with_passage(question, other.contexts[-1])
        texts = [section.text for document in other.documents for section in document.sections if section.text]
        if question.documents and texts:
            return _with_passage(question, texts[-1])
    return question


def _contradicting(task: Task, place: int) -> TaskQuestion:
    """With a passage that says the opposite of the gold label, where that is a yes or no."""
    question = task.questions[place]
    denied = question.label in ("no", CONTRADICTS)
    if not (denied or question.label in ("yes", "supports")):
        return question
    said = "It was confirmed" if denied else "It was refuted"
    text = question.text.rstrip("?. ")
    if task.asserts:
        return _with_passage(question, f"{said} that {text[:1].lower()}{text[1:]}.")
    return _with_passage(question, f"The question was: {text}? The answer is {'yes' if denied else 'no'}.")


def _with_passage(question: TaskQuestion, text: str) -> TaskQuestion:
    if question.contexts:
        labels = question.context_labels or ("",) * len(question.contexts)
        # A snippet belongs to a document; sections of an abstract have no heading of their own.
        label = "added" if question.snippets else ""
        return replace(question, contexts=(*question.contexts, text), context_labels=(*labels, label))
    if question.documents:
        added = Document(f"{question.id}-added", (Section("abstract", text),))
        return replace(question, documents=(*question.documents, added))
    return question


_PASSAGES = {"irrelevant": _irrelevant, "contradicting": _contradicting}
PERTURBATIONS: dict[str, Callable[[Task, int], TaskQuestion]] = {
    "typos": _in_text(_typos),
    "paraphrase": _in_text(_paraphrase),
    "expand": _in_text(_expand),
    "abbreviate": _in_text(_abbreviate),
    "clause": _in_text(_clause),
    **_PASSAGES,
}
