"""What a report on many questions costs: seconds and memory of `eval report` on a run as large as MIRAGE's 7,663.

The run is the sample's, its questions repeated under new ids with their hits, answers and citations. The peer is
the time that reading and scoring the same lines takes.
"""

import argparse
import json
import logging
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

_MEASURE = """
import resource, sys, time
from pathlib import Path
from ragqa.evaluate.report.page import write_report
began = time.perf_counter()
page, _ = write_report([Path(sys.argv[1])], Path(sys.argv[2]))
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def repeated_run(folder: Path, n_questions: int) -> None:
    """A finished run of so many questions, from the sample's."""
    from ragqa.evaluate.runs.folder import RunFolder
    from ragqa.evaluate.runs.lines import read_lines
    from ragqa.evaluate.runs.request import Request
    from ragqa.evaluate.runs.run import run
    from ragqa.evaluate.runs.task import read_task, write_task
    from ragqa.evaluate.tasks.task import question_set_hash

    made = run(Request("sample", index="sample", out=folder.with_name("few")))[0]
    lines, kept = list(read_lines(made.path)), read_task(made.path)
    by_id = {question.id: question for question in kept.task.questions}
    chosen = [(place, lines[place % len(lines)]) for place in range(n_questions)]
    questions = tuple(replace(by_id[line.id], id=f"{place}-{line.id}") for place, line in chosen)
    task = replace(kept.task, questions=questions)
    inputs = {**made.manifest.inputs, "questions": question_set_hash(task)}
    manifest = replace(made.manifest, id=folder.name, inputs=inputs, n_questions=n_questions, sessions=[])
    with RunFolder.open(folder, manifest) as written:
        write_task(folder, replace(kept, task=task))
        for place, line in chosen:
            written.append(replace(line, id=f"{place}-{line.id}"))


def main() -> None:
    """Make the run, score it, report on it; print a table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path(".bench"), help="where the sample's index is built and kept")
    parser.add_argument("--questions", type=int, default=7663)
    arguments = parser.parse_args()
    logging.getLogger("ragqa").setLevel(logging.ERROR)
    os.environ["RAGQA_HOME"] = str(arguments.home.absolute())
    from ragqa.evaluate.runs.scored import score_folder

    scratch = arguments.home.absolute() / "report-benchmark"
    shutil.rmtree(scratch, ignore_errors=True)
    repeated_run(scratch / "many", arguments.questions)
    began = time.perf_counter()
    score_folder(scratch / "many")
    scoring = time.perf_counter() - began
    command = [sys.executable, "-c", _MEASURE, str(scratch / "many"), str(scratch / "report")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, peak = map(float, done.stdout.split())
    figures = {
        "questions": arguments.questions,
        "report_s": seconds,
        "scoring_s": scoring,
        "report_by_scoring": seconds / scoring,
        "peak_mb": peak,
        "page_mb": sum(path.stat().st_size for path in (scratch / "report").rglob("*.html")) / 2**20,
    }
    for name, value in figures.items():
        print(f"{name:20} {value:12.3f}")
    print(json.dumps({"benchmark": "report", **figures}))
    shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
