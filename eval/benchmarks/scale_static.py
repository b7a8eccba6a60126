"""Indexing with a static encoder under limits of memory: whether it ends well, distilling included.

    python eval/benchmarks/scale_static.py --abstracts FILE [--pubmed-xml FOLDER] [--documents 100000]
        [--memory-mb 3000 2632] [--home .bench/scale-static]

The corpus is that of ``synthetic.py``; it is kept in ``--home`` and used again. Each limit is tried as a user would set
it, ``ragqa index build --recipe static --memory SIZE``, in a process of its own under RLIMIT_DATA of as much
(``scale_run.py``), without anything that was built or encoded for another limit; where this program was ended, the same
command goes on with what was encoded. Prints a line for each limit, and last one of JSON: what each took, or what it
ended with.
"""

import argparse
import json
import os
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

from scale_run import run
from synthetic import Synthetic, read_source, write_corpus

_MEGABYTE = 1_000_000  # as --memory takes it


def main() -> None:
    """Try each limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--abstracts", type=Path, required=True)
    parser.add_argument("--pubmed-xml", type=Path)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--memory-mb", type=int, nargs="+", default=[3000, 2632])
    parser.add_argument("--home", type=Path, default=Path(".bench/scale-static"))
    arguments = parser.parse_args()
    home = (arguments.home / str(arguments.documents)).absolute()
    root = str(Path(__file__).parents[2])
    environment = {
        "RAGQA_HOME": str(home),
        "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")])),
    }
    ragqa = [sys.executable, "-m", "ragqa"]
    if not (home / "corpora" / "synthetic" / "manifest.json").is_file():
        shutil.rmtree(home, ignore_errors=True)
        stream = Synthetic(read_source(arguments.abstracts, arguments.pubmed_xml))
        write_corpus(stream, range(1, arguments.documents + 1), home / "sources")
        (home / "corpora").mkdir()
        table = f'format = "jsonl"\nsources = [{json.dumps(str(home / "sources"))}]\n'
        (home / "corpora" / "synthetic.toml").write_text(table, encoding="utf-8")
        run([*ragqa, "corpus", "build", "synthetic"], environment, 6 * 2**30)
    results: dict[str, dict[str, float] | str] = {}
    for limit in arguments.memory_mb:
        (home / "indexes").mkdir(exist_ok=True)
        size = f"{limit}m"
        build = [*ragqa, "index", "build", "static", "--recipe", "static", "--corpus", "synthetic", "--memory", size]
        try:
            usage, _ = run(build, environment, limit * _MEGABYTE)
            results[size] = asdict(usage)
            told = ", ".join(f"{name} {value:,.0f}" for name, value in asdict(usage).items())
        except SystemExit as error:
            results[size] = told = str(error)
        print(f"{size:>8} {told}", flush=True)
        shutil.rmtree(home / "indexes")
    print(json.dumps({"benchmark": "scale_static", "documents": arguments.documents, "limits": results}))


if __name__ == "__main__":
    main()
