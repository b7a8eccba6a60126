"""Run the benchmarks one after the other, each in a process of its own, and keep their figures.

    python eval/benchmarks/run.py [--data FOLDER] [--only NAME …]

FOLDER holds ``pubmed-xml/``, ``bulk/abstracts.jsonl.gz``, ``beir/scifact/`` and ``beir/bioasq-passages/``; without
it only those benchmarks run that need nothing but the sample. Each prints its figures and a line of JSON; the JSON
lines are gathered in ``.bench/results.jsonl``. Times depend on the machine and on what else it does: look at the
ratios.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def commands(data: Path | None) -> dict[str, list[str]]:
    """Name of each benchmark → its arguments, as far as it can run with the data given."""
    chosen: dict[str, list[str]] = {"ask": [], "report": [], "server": [], "watch": []}
    if data is not None:
        abstracts = str(data / "bulk/abstracts.jsonl.gz")
        beir = data / "beir/bioasq-passages"
        chosen = {
            "corpus": ["--pubmed-xml", str(data / "pubmed-xml"), "--jsonl", abstracts],
            "bm25": ["--abstracts", abstracts, "--questions", str(beir / "queries.jsonl")],
            "encoder": ["--beir", str(data / "beir/scifact")],
            "ask": ["--data", str(data)],
            "dense": ["--dense", _bulk_vectors(), "--queries", str(beir / "queries.jsonl")],
            "evaluate": ["--data", str(data)],
            "report": [],
            "scale": [
                *("--abstracts", abstracts, "--questions", str(beir / "queries.jsonl")),
                *("--pubmed-xml", str(data / "pubmed-xml"), "--documents", "10000", "--update", "3000"),
            ],
            "server": [],
            "watch": ["--index", "bulk", "--watched", "10000", "--new", "30000"],
        }
    return {name: arguments for name, arguments in chosen.items() if (HERE / f"{name}.py").is_file()}


def _bulk_vectors() -> str:
    """The dense part of the index that the benchmark ``ask`` builds and keeps."""
    built = sorted(path for path in Path(".bench/indexes/bulk").glob("dense-*") if path.suffix != ".building")
    return str(built[0]) if built else ".bench/indexes/bulk/dense"


def main() -> None:
    """Run them; exit 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="run these only")
    arguments = parser.parse_args()
    chosen = commands(arguments.data)
    if arguments.data is None:
        print("no --data: only the benchmarks that need nothing but the sample are run", file=sys.stderr)
    if unknown := set(arguments.only or ()) - set(chosen):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; known: {', '.join(chosen)}")
    results = Path(".bench/results.jsonl")
    results.parent.mkdir(exist_ok=True)
    failed = []
    with results.open("w", encoding="utf-8") as file:
        for name in arguments.only or chosen:
            print(f"== {name}", flush=True)
            command = [sys.executable, str(HERE / f"{name}.py"), *commands(arguments.data)[name]]
            finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            print(finished.stdout, flush=True)
            if finished.returncode:
                failed.append(name)
            file.writelines(f"{line}\n" for line in finished.stdout.splitlines() if _is_json(line))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


if __name__ == "__main__":
    main()
