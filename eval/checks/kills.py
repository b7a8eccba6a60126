"""Is nothing lost, whenever the program is killed? The way of a corpus that lives, with kill -9 at random moments.

    python eval/checks/kills.py [--kills 100] [--records 3000] [--seed 1]

A round fetches made-up PubMed files from a mirror on 127.0.0.1, builds the corpus and a BM25 index, fetches updates
(revisions, deletions, new records) and merges: five commands. Each is killed with all its children at a moment drawn
from the time that it takes when it is not, and then simply run again; rounds go on until so many kills met a command
that was still running. At the end of each the corpus has the state, and the index the segments, documents, hits and
scores of the unbroken way, and both are verified file by file. Prints the tally and one line of JSON; exit 1 where a
round ended otherwise.
"""

import argparse
import functools
import gzip
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[2]
N_BASELINE, N_UPDATES = 2, 3
COMMANDS = (
    ("corpus", "fetch", "live", "--mirror", "{mirror}"),
    ("corpus", "build", "live"),
    ("index", "build", "live", "--recipe", "bm25-anserini"),
    ("update", "live", "--mirror", "{mirror}"),
    ("index", "update", "live", "--merge"),
)
_UPDATES_BEFORE = 3
"""The command before which the updates appear at the mirror."""
_RECIPE = 'format = "pubmed-xml"\nsources = []\nfetch = "https://ftp.ncbi.nlm.nih.gov/pubmed"\n'
_QUESTIONS = ("wabe wade", "wafe wage wake", "wale", "wame wane wape ware", "wase wate")

_TELL = """
import json, sys
from ragqa import products
store, index, _ = products.open_pinned("live")
found = index.bm25.search(json.loads(sys.argv[1]), 100)
documents = [(row, document.id, [s.text for s in document.sections]) for b in store.scan() for row, document in b]
print(json.dumps([store.state_hash, index.components.names("bm25"), documents, found.rows.tolist(),
                  found.scores.tolist()]))
"""


def main() -> None:
    """Go the way unbroken, then broken again and again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="kills of running commands to reach")
    parser.add_argument("--records", type=int, default=3000, help="articles of a file")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        mirror = Mirror(Path(name) / "mirror", arguments.records, chance)
        way = Way(Path(name) / "unbroken", mirror)
        durations = [way.run(place) for place in range(len(COMMANDS))]
        expected = way.end()
        print(f"unbroken: {', '.join(f'{seconds:.1f} s' for seconds in durations)}", flush=True)
        kills = rounds = equal = 0
        while kills < arguments.kills:
            rounds += 1
            broken = Way(Path(name) / f"broken{rounds}", mirror)
            killed = [broken.kill(place, chance.uniform(0, seconds)) for place, seconds in enumerate(durations)]
            same = broken.end() == expected
            kills += sum(killed)
            equal += same
            print(f"round {rounds}: {sum(killed)} kills, {'equal' if same else 'DIFFERENT'}", flush=True)
            if same:
                shutil.rmtree(broken.home)
        mirror.close()
    print(json.dumps({"check": "kills", "kills": kills, "rounds": rounds, "equal": equal}))
    if equal < rounds:
        sys.exit(1)


class Mirror:
    """NLM's folders on 127.0.0.1; the updates are shown when they are told to be."""

    def __init__(self, folder: Path, n_records: int, chance: random.Random) -> None:
        self._folder = folder
        self._hidden = folder.with_name("later")
        first = 1
        for number in range(1, N_BASELINE + 1):
            records = [_article(key, chance) for key in range(first, first + n_records)]
            first += n_records
            _put(folder / "baseline", number, records)
        (folder / "updatefiles").mkdir()
        for number in range(N_BASELINE + 1, N_BASELINE + N_UPDATES + 1):
            revised = [_article(key, chance) for key in chance.sample(range(1, first), n_records // 3)]
            new = [_article(key, chance) for key in range(first, first + n_records // 3)]
            gone = "".join(f"<PMID>{key}</PMID>" for key in chance.sample(range(1, first), n_records // 50))
            first += n_records // 3
            _put(self._hidden, number, [*revised, *new, f"<DeleteCitation>{gone}</DeleteCitation>"])
        handler = functools.partial(_Quiet, directory=str(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def show_updates(self, *, shown: bool) -> None:
        """Let the update files be there, or not."""
        target = self._folder / "updatefiles"
        shutil.rmtree(target)
        if shown:
            shutil.copytree(self._hidden, target)
        else:
            target.mkdir()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class Way:
    """A home in which the commands are run in order."""

    def __init__(self, home: Path, mirror: Mirror) -> None:
        self.home = home
        self._mirror = mirror
        (home / "corpora").mkdir(parents=True)
        (home / "indexes").mkdir()
        (home / "corpora" / "live.toml").write_text(_RECIPE, encoding="utf-8")

    def run(self, place: int) -> float:
        """Run a command, which must succeed; seconds."""
        self._mirror.show_updates(shown=place >= _UPDATES_BEFORE)
        began = time.perf_counter()
        process = self._start(place)
        _, errors = process.communicate()
        if process.returncode:
            raise SystemExit(f"{COMMANDS[place]} ended with {process.returncode}: {errors.decode()[-2000:]}")
        return time.perf_counter() - began

    def kill(self, place: int, seconds: float) -> bool:
        """Run a command, kill it after some time, and run it again; whether it was still running."""
        self._mirror.show_updates(shown=place >= _UPDATES_BEFORE)
        process = self._start(place)
        time.sleep(seconds)
        ran = process.poll() is None
        if ran:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        self.run(place)
        return ran

    def end(self) -> str:
        """All that a reader sees of what was built; the files are compared with their hashes first."""
        for kind in ("corpus", "index"):
            self._command(sys.executable, "-m", "ragqa", kind, "verify", "live").check_returncode()
        told = self._command(sys.executable, "-c", _TELL, json.dumps(_QUESTIONS))
        told.check_returncode()
        return told.stdout.decode()

    def _start(self, place: int) -> "subprocess.Popen[bytes]":
        words = [word.format(mirror=self._mirror.address) for word in COMMANDS[place]]
        command = [sys.executable, "-m", "ragqa", *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, env=self._environment(), stdout=pipe, stderr=pipe, start_new_session=True, cwd=self.home
        )

    def _command(self, *command: str) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(command, env=self._environment(), capture_output=True, check=False, cwd=self.home)

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        return {**os.environ, "RAGQA_HOME": str(self.home), "PYTHONPATH": path}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def _article(key: int, chance: random.Random) -> str:
    text = " ".join(f"wa{chance.choice('bcdfghjklmnpqrstvwxz')}e{chance.randrange(300)}" for _ in range(60))
    plain = " ".join(chance.choice(_QUESTIONS).split())
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="1">{key}</PMID><Article><ArticleTitle>{plain}</ArticleTitle>'
        f"<Abstract><AbstractText>{text}</AbstractText></Abstract></Article></MedlineCitation></PubmedArticle>"
    )


def _put(folder: Path, number: int, records: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    content = gzip.compress(f"<PubmedArticleSet>{''.join(records)}</PubmedArticleSet>".encode(), mtime=0)
    name = f"pubmed26n{number:04}.xml.gz"
    (folder / name).write_bytes(content)
    (folder / f"{name}.md5").write_text(f"MD5({name})= {hashlib.md5(content).hexdigest()}\n")  # noqa: S324


if __name__ == "__main__":
    main()
