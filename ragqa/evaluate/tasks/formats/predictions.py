"""Predictions as PubMedQA's and MIRAGE's own evaluation programs read them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from ragqa.errors import SourceError, UsageError
from ragqa.evaluate.measures.labels import PUBMEDQA_LABELS
from ragqa.evaluate.tasks.formats.read import listed, read_json
from ragqa.manifest import write_atomically, write_json

MIRAGE_SPLITS = {"medmcqa": "dev"}
"""MIRAGE's file names carry the split: ``dev`` for MedMCQA, ``test`` for the others."""


def write_pubmedqa(
    path: Path, question_ids: Sequence[str], predictions: Mapping[str, str | None], fallback: str = "maybe"
) -> int:
    """Write PMID → label for exactly the given questions, as PubMedQA's program demands.

    Parameters
    ----------
    question_ids
        All questions of the official split.
    predictions
        Question id → label; None or a missing one is an abstention.
    fallback
        The label written for an abstention: the format has no word for it.

    Returns
    -------
    int
        How many questions got the fallback.

    Raises
    ------
    UsageError
        A label is not yes, no or maybe, or a prediction belongs to no question.
    """
    unknown = [question_id for question_id in predictions if question_id not in set(question_ids)]
    if unknown:
        raise UsageError(f"{len(unknown)} predictions belong to no question of the split ({listed(unknown)})")
    written = {question_id: predictions.get(question_id) or fallback for question_id in question_ids}
    wrong = sorted({label for label in written.values() if label not in PUBMEDQA_LABELS})
    if wrong:
        raise UsageError(f"{wrong[0]!r} is not a label of PubMedQA; allowed are {', '.join(PUBMEDQA_LABELS)}")
    write_json(path, written)
    return sum(not predictions.get(question_id) for question_id in question_ids)


def read_pubmedqa(path: Path) -> dict[str, str]:
    """Read PMID → label; labels are not checked, as an unknown one is scored as wrong and counted."""
    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(label, str) for label in content.values()):
        raise SourceError(f"{path} is not a JSON object of PMID and label; PubMedQA's predictions are")
    if not content:
        raise SourceError(f"{path} has no predictions")
    return content


def write_mirage(
    folder: Path, sets: Mapping[str, Sequence[str]], answers: Mapping[str, Mapping[str, str | None]]
) -> int:
    """Write one file a question, ``SET/SPLIT_ID.json``, with the answer in the words that MIRAGE's parser reads.

    To score them with MIRAGE's own program, put each set's files where it looks, for example under
    ``prediction/SET/cot/MODEL/``.

    Parameters
    ----------
    folder
        Where the folders of the sets go.
    sets
        Set (``mmlu``, ``medqa`` …) → all its question ids.
    answers
        Set → question id → letter; None or a missing one is written as an empty text, which the program counts
        as ``A``.

    Returns
    -------
    int
        How many questions have no answer.
    """
    n_empty = 0
    for name, question_ids in sets.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for question_id in question_ids:
            letter = answers.get(name, {}).get(question_id)
            n_empty += letter is None
            text = "" if letter is None else f'{{"answer_choice": "{letter}"}}'
            write_atomically(mirage_path(folder, name, question_id), msgspec.json.encode([text]))
    return n_empty


def read_mirage(folder: Path, sets: Mapping[str, Sequence[str]]) -> dict[str, dict[str, str]]:
    """Read the generated texts, set → question id → text; questions without a file are left out.

    Raises
    ------
    SourceError
        No file is there, or one is not a list of texts.
    """
    generated: dict[str, dict[str, str]] = {name: {} for name in sets}
    for name, question_ids in sets.items():
        for question_id in question_ids:
            path = mirage_path(folder, name, question_id)
            if not path.is_file():
                continue
            content = read_json(path)
            if not isinstance(content, list) or not content or not isinstance(content[0], str):
                raise SourceError(f"{path} is not a list of generated texts, as MIRAGE's predictions are")
            generated[name][question_id] = content[0]
    if not any(generated.values()):
        example = next((mirage_path(folder, name, ids[0]) for name, ids in sets.items() if ids), folder)
        raise SourceError(f"there is no prediction below {folder}; a file such as {example} is expected")
    return generated


def mirage_path(folder: Path, name: str, question_id: str) -> Path:
    """Where MIRAGE's program looks for the prediction of a question, relative to the sets' folder."""
    return folder / name / f"{MIRAGE_SPLITS.get(name, 'test')}_{question_id}.json"
