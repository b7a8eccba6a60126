"""How long a question takes: cold through the command line on the sample, warm on a larger corpus.

The peer of the cold question is the import of sentence-transformers alone, which a pipeline that encodes with
PyTorch pays before it does anything; the peer of the warm question is Lucene's part of it.
"""

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

QUESTION = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"


def seconds(command: list[str]) -> float:
    """Wall time of a command that must succeed."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def cold(repeats: int) -> dict[str, float]:
    """Median seconds of ``ragqa ask`` on the sample in a fresh process, and of its peer."""
    ask = [sys.executable, "-m", "ragqa", "ask", QUESTION]
    peer = [sys.executable, "-c", "import sentence_transformers"]
    seconds(ask)  # builds the sample where it is not built yet
    times = [(seconds(ask), seconds(peer)) for _ in range(repeats)]
    ours, theirs = (statistics.median(column) for column in zip(*times, strict=True))
    return {"cold_ask_s": ours, "import_sentence_transformers_s": theirs, "ratio": ours / theirs}


def warm(index: str, questions: list[str]) -> dict[str, float]:
    """Median and 95th percentile of a warm question, reranking and reading included, in milliseconds."""
    import ragqa

    with ragqa.open(index) as engine:
        for question in questions[:5]:
            engine.ask(question)
        answers = [engine.ask(question) for question in questions]
        stages = {
            stage: statistics.median(answer.timings_ms[stage] for answer in answers) for stage in answers[0].timings_ms
        }
        totals = sorted(answer.timings_ms["total"] for answer in answers)
        documents = len(engine.store)
    return {
        "documents": documents,
        "questions": len(questions),
        "warm_p50_ms": statistics.median(totals),
        "warm_p95_ms": totals[int(0.95 * (len(totals) - 1))],
        "ratio_to_bm25": statistics.median(totals) / stages["bm25"],
        **{f"{stage}_p50_ms": value for stage, value in stages.items() if stage != "total"},
    }


def bulk_index(data: Path) -> str:
    """Build the index of ``bulk/abstracts.jsonl.gz`` where it is not built yet; encoding takes a while."""
    from ragqa import products

    source = data / "bulk" / "abstracts.jsonl.gz"
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        json.loads(next(lines))  # the file is what it should be, before an hour is spent on it
    if not products.is_built("indexes", "bulk"):
        products.import_corpus("bulk", source, "jsonl")
        products.build_index("bulk")
    return "bulk"


def main() -> None:
    """Run both and print a table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with bulk/ and beir/bioasq-passages/, for the warm question")
    parser.add_argument("--home", type=Path, default=Path(".bench"), help="where the indexes are built and kept")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--questions", type=int, default=200)
    arguments = parser.parse_args()
    os.environ["RAGQA_HOME"] = str(arguments.home.absolute())
    arguments.home.mkdir(parents=True, exist_ok=True)
    figures = cold(arguments.repeats)
    if arguments.data:
        lines = (arguments.data / "beir/bioasq-passages/queries.jsonl").read_text(encoding="utf-8").splitlines()
        questions = [json.loads(line)["text"] for line in lines[: arguments.questions]]
        figures |= warm(bulk_index(arguments.data), questions)
    for name, value in figures.items():
        print(f"{name:32} {value:12.3f}")
    print(json.dumps({"benchmark": "ask", **figures}))


if __name__ == "__main__":
    main()
