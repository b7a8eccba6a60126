"""The reader's figures are the same in every process: sets come in another order in each."""

import os
import subprocess
import sys

PROGRAM = """
from ragqa.answer import passages
from ragqa.answer.question import analyse
from ragqa.types import Document, Question, Section

asked = analyse(Question("What is known about leaks, weight loss and revision after sleeve gastrectomy?"))
document = Document("1", (Section("abstract", "Leaks after sleeve gastrectomy are feared. Weight loss was large."),))
found = passages.passages_of(asked, [document])
print([passage.coverage for passage in found])
"""


def test_coverage_does_not_depend_on_the_hash_seed() -> None:
    told = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(1, 6)
    }

    assert len(told) == 1
