"""What evaluating costs beyond the stages themselves: overhead, questions a second, memory, and what sharing saves.

The peer of the harness is the time of its own stages, measured inside them in the same run. The peer of a grid is the
slowest of its runs made alone, plus the time of the reranking that only one of its cells has.
"""

import argparse
import json
import logging
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

_MEASURE = """
import json, resource, sys, tracemalloc
from pathlib import Path
from ragqa.evaluate.runs.request import Request
from ragqa.evaluate.runs.run import run
data, out, limit = sys.argv[1:]
tracemalloc.start()
result = run(Request("beir", Path(data), recipe="bm25-anserini", out=Path(out), limit=int(limit) or None))[0]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"peak": peak, "python": tracemalloc.get_traced_memory()[1] / 2**20}))
"""


def bm25_alone(data: Path, scratch: Path) -> dict[str, float]:
    """BM25 on all questions: questions a second after set-up, and the harness's share."""
    from ragqa.evaluate.runs.request import Request
    from ragqa.evaluate.runs.run import run

    run(Request("beir", data, recipe="bm25-anserini", out=scratch / "warm-up", limit=200))
    result = run(Request("beir", data, recipe="bm25-anserini", out=scratch / "bm25"))[0]
    session = result.manifest.sessions[-1]
    stages = sum(session.stages.values())
    again = time.perf_counter()
    run(Request("beir", data, recipe="bm25-anserini", out=scratch / "bm25"))
    return {
        "bm25_questions": session.n_done,
        "bm25_questions_per_s": session.n_done / session.seconds,
        "bm25_overhead": session.seconds / stages - 1,
        "scoring_s": time.perf_counter() - again,
    }


def memory(data: Path, scratch: Path, n_questions: int) -> dict[str, float]:
    """Peak memory of a run of a quarter of the questions and of all: what Python holds, and the whole process.

    The process's has Java's heap in it, which grows until the collector runs.
    """
    peaks = []
    for limit in (n_questions // 4, 0):
        command = [sys.executable, "-c", _MEASURE, str(data), str(scratch / f"memory-{limit}"), str(limit)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks.append(json.loads(done.stdout.splitlines()[-1]))
    quarter, whole = peaks
    return {
        "python_peak_mb_quarter": quarter["python"],
        "python_peak_mb_all": whole["python"],
        "python_peak_ratio": whole["python"] / quarter["python"],
        "process_peak_mb_quarter": quarter["peak"],
        "process_peak_mb_all": whole["peak"],
    }


def grid(data: Path, scratch: Path, limit: int) -> dict[str, float]:
    """The grid ``retrievers`` against its runs made alone."""
    from ragqa.evaluate.compare.ablate import ablate
    from ragqa.evaluate.compare.grid import cells, load_ablation
    from ragqa.evaluate.runs.folder import read_manifest
    from ragqa.evaluate.runs.request import Request
    from ragqa.evaluate.runs.run import run

    found = cells(load_ablation("retrievers"))
    run(Request("beir", data, recipe="default", out=scratch / "grid-warm-up", limit=8))
    alone = {}
    for place, cell in enumerate(found):
        overrides = cell.variants[0].overrides
        began = time.perf_counter()
        run(Request("beir", data, recipe="default", overrides=overrides, out=scratch / f"cell-{place}", limit=limit))
        alone[cell.name] = time.perf_counter() - began
    began = time.perf_counter()
    path, result_of_grid = ablate("retrievers", Request("beir", data, out=scratch / "grid", limit=limit))
    seconds = time.perf_counter() - began
    rerank_s = max(
        read_manifest(path / row.run).wall_seconds.get("rerank", 0.0) for row in result_of_grid.rows
    )  # of the grid itself: the load of the machine may differ between the runs
    slowest = max(value for name, value in alone.items() if "rerank" not in name)
    return {
        "grid_questions": result_of_grid.n_reported,
        "grid_s": seconds,
        "sum_alone_s": sum(alone.values()),
        "slowest_alone_s": slowest,
        "rerank_s": rerank_s,
        "grid_ratio": seconds / (slowest + rerank_s),
        "saved_s": result_of_grid.seconds_saved,
    }


def main() -> None:
    """Run all and print a table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with beir/bioasq-passages, or a BEIR folder")
    parser.add_argument("--home", type=Path, default=Path(".bench"), help="where indexes are built and kept")
    parser.add_argument("--grid-questions", type=int, default=300, help="questions of the grid; 0 leaves it out")
    arguments = parser.parse_args()
    logging.getLogger("ragqa").setLevel(logging.ERROR)
    os.environ["RAGQA_HOME"] = str(arguments.home.absolute())
    inner = arguments.data / "beir" / "bioasq-passages"
    data = inner if inner.is_dir() else arguments.data
    scratch = arguments.home.absolute() / "evaluate-benchmark"
    shutil.rmtree(scratch, ignore_errors=True)
    figures = bm25_alone(data, scratch)
    figures |= memory(data, scratch, int(figures["bm25_questions"]))
    if arguments.grid_questions:
        figures |= grid(data, scratch, arguments.grid_questions)
    for name, value in figures.items():
        print(f"{name:24} {value:12.3f}")
    print(json.dumps({"benchmark": "evaluate", **figures}))
    shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
