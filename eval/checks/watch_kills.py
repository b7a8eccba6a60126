"""Is each change told once, whenever a run that asks is killed? ``watch run`` with kill -9 at random moments.

    python eval/checks/watch_kills.py [--kills 100] [--seed 14]

A corpus of made-up trials lives: each day every article that is cited gets an erratum, of which each watched question
and claim must tell. Runs of a day are killed at moments drawn from the time that a whole one takes, a few times; the
last one may end. They ask, write alerts, and send them by SMTP and to a webhook on 127.0.0.1 and into files. At the end
each erratum was told by one alert, and each alert came once by each channel or is told as uncertain. Prints the tally
and one line of JSON; exit 1 where anything was lost, or came twice.
"""

import argparse
import contextlib
import json
import os
import random
import re
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOPICS = (
    ("Bexolat", "stroke"), ("Caruvone", "delirium"), ("Dimolast", "nausea"), ("Elvitine", "cough"),
)  # fmt: skip
PAUSE_S = 0.3
"""How long the servers think before they answer that they have a message, so that some kills fall there."""
_KILLS_A_DAY = 6
_MOST_DAYS = 400
_FIRST_ERRATUM = 91_000_000
_ERRATUM = re.compile(r"ErratumIn (\d{8})")
_RECIPE = """[bm25]
engine = "rank-bm25"
[retrieve]
retrievers = ["bm25"]
"""
_PROGRAM = """
import os, sys, traceback
from ragqa import products
from ragqa.watch import settings
from ragqa.watch.add import add
from ragqa.watch.run import run
import ragqa, ragqa.answer.extractive.reader, ragqa.check.verdict

def work(words):
    if words[0] == "run":
        run("living", settings.load(sys.argv[1:]))
    elif words[0] == "update":
        products.update("living")
    else:
        products.build_index("living", "living", "living")
        with ragqa.open("living") as engine:
            for given in words[1:]:
                add(engine, given)

while line := sys.stdin.readline():
    pid = os.fork()
    if pid == 0:
        try:
            work(line.rstrip("\\n").split("\\t"))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    print(pid, flush=True)
    sys.stdin.readline()  # until then the number stands for this process, even when it has ended
    print(os.waitpid(pid, 0)[1], flush=True)
"""


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of it.

    Attributes
    ----------
    kills, while_asking
        Runs that were killed, and those of them that had not yet written all alerts of their day.
    days, errata
        Days, and errata to be told: one of each topic a day, by its question and by its claim.
    told_once, lost, twice
        Errata by the number of alerts that tell of them.
    sent, uncertain
        Alerts by what the outbox says, over mail and webhook.
    wrong
        Alerts that came otherwise than the outbox says: twice, not though sent, or not once into files.
    """

    kills: int
    while_asking: int
    days: int
    errata: int
    told_once: int
    lost: int
    twice: int
    sent: int
    uncertain: int
    wrong: int

    @property
    def is_right(self) -> bool:
        """Whether each change was told once."""
        return self.told_once == self.errata and not (self.lost or self.twice or self.wrong)


def main() -> None:
    """Kill, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=14)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        tally = killed(Path(name), arguments.kills, random.Random(arguments.seed))
    for what, number in asdict(tally).items():
        print(f"{what:14} {number:6,}")
    print(json.dumps({"check": "watch_kills", **asdict(tally)}))
    if not tally.is_right:
        sys.exit(1)


def killed(home: Path, n_kills: int, chance: random.Random) -> Tally:
    """Live through days in a home of its own until so many runs were killed, and count what came."""
    with servers() as (mail, hook, settings), Living(home, settings) as living:
        kills, while_asking, whole_s, day = 0, 0, 0.0, 0
        while kills < n_kills and day < _MOST_DAYS:
            day += 1
            living.day(day)
            tries = min(_KILLS_A_DAY, n_kills - kills) if day > 2 else 0  # the second day is a warm one
            for _ in range(tries):
                before = living.n_alerts()
                if living.run(kill_after_s=chance.uniform(0, whole_s)):
                    kills += 1
                    while_asking += before <= living.n_alerts() < 2 * len(TOPICS) * day
            began = time.monotonic()
            living.run()
            whole_s = whole_s if tries else time.monotonic() - began
        return living.tally(kills, while_asking, day, {"mail": mail, "webhook": hook})


class Living:
    """A home with a corpus that lives, and a process that forks the runs, so that each begins at once."""

    def __init__(self, home: Path, settings: list[str]) -> None:
        self._home = home
        sources = home / "corpora" / "living" / "sources"
        sources.mkdir(parents=True)
        (home / "indexes").mkdir()
        (home / "corpora" / "living.toml").write_text('format = "pubmed-xml"\nsources = ["living/sources/*.xml"]\n')
        (home / "indexes" / "living.toml").write_text(_RECIPE)
        self._sources = sources
        environment = {**os.environ, "RAGQA_HOME": str(home), "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *settings], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment, cwd=home,
        )  # fmt: skip

    def __enter__(self) -> "Living":
        self._put(0)
        asked = [f"Does {drug} reduce the risk of {outcome}?" for drug, outcome in TOPICS]
        claimed = [f"{drug} reduces the risk of {outcome}." for drug, outcome in TOPICS]
        self._work("begin", *asked, *claimed)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def day(self, number: int) -> None:
        """Let every article have its next erratum."""
        self._put(number)
        self._work("update")

    def run(self, kill_after_s: float | None = None) -> bool:
        """Run, and kill it after so many seconds; whether it was still at work."""
        return self._work("run", kill_after_s=kill_after_s)

    def n_alerts(self) -> int:
        """How many alerts are on disk."""
        return len(list((self._home / "watch" / "alerts").glob("*.json")))

    def tally(self, kills: int, while_asking: int, days: int, arrived: dict[str, "Arrived"]) -> Tally:
        """Compare what had to be told, what is on disk, and what came."""
        wanted = {(topic, _erratum(place, day)) for day in range(1, days + 1)
                  for place, names in enumerate(TOPICS) for topic in _asked_and_claimed(*names)}  # fmt: skip
        alerts = {path.stem: json.loads(path.read_text()) for path in (self._home / "watch" / "alerts").glob("*.json")}
        told = Counter(
            (change["subject"], int(number))
            for alert in alerts.values()
            for change in alert["changes"]
            for number in _ERRATUM.findall(change["message"])
        )
        files = [path.read_text() for path in (self._home / "watch" / "digests").glob("*.json")]
        in_files = Counter(alert["id"] for text in files for alert in json.loads(text)["alerts"])
        wrong = sum(in_files[one] != 1 for one in alerts)
        states: Counter[str] = Counter()
        for channel, came in arrived.items():
            status = self._status(channel)
            states.update(status.get(one, "unsent") for one in alerts)
            for one, alert in alerts.items():
                n = came.times(alert)
                wrong += (status.get(one, "unsent"), n) not in {("sent", 1), ("uncertain", 0), ("uncertain", 1)}
        return Tally(
            kills, while_asking, days, len(wanted), sum(told[one] == 1 for one in wanted),
            sum(told[one] == 0 for one in wanted), sum(n > 1 for n in told.values()), states["sent"],
            states["uncertain"], wrong,
        )  # fmt: skip

    def _status(self, channel: str) -> dict[str, str]:
        """Alert → what the outbox says of it; one that is in two digests is ``twice``."""
        status: dict[str, str] = {}
        for path in (self._home / "watch" / "outbox" / channel).glob("*.json"):
            delivery = json.loads(path.read_text())
            status.update({one: "twice" if one in status else delivery["status"] for one in delivery["alerts"]})
        return status

    def _put(self, day: int) -> None:
        articles = "".join(_article(place, day) for place in range(len(TOPICS)))
        path = self._sources / f"living26n{day + 1:04}.xml"
        path.write_text(f"<PubmedArticleSet>{articles}</PubmedArticleSet>")

    def _work(self, *words: str, kill_after_s: float | None = None) -> bool:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\t".join(words) + "\n")
        process.stdin.flush()
        pid = int(process.stdout.readline())
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            os.kill(pid, signal.SIGKILL)
        process.stdin.write("reap\n")
        process.stdin.flush()
        status = int(process.stdout.readline())
        if status not in (0, signal.SIGKILL):
            raise SystemExit(f"{words[0]} failed, see above")
        return status == signal.SIGKILL


class Arrived:
    """The texts that came in full by a channel."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def times(self, alert: dict) -> int:
        """How often an alert came, by the errata that it tells of and the question or claim."""
        numbers = {n for change in alert["changes"] for n in _ERRATUM.findall(change["message"])}
        return sum(
            sum(f"{alert['item']['title']}|{number}" in _told(text) for number in numbers) for text in self.texts
        )


def _told(text: str) -> set[str]:
    """``question|erratum`` for all that a digest tells, as JSON or as the Markdown of a mail."""
    if text.startswith("{"):
        alerts = json.loads(text)["alerts"]
        return {f"{a['title']}|{n}" for a in alerts for c in a["changes"] for n in _ERRATUM.findall(c["message"])}
    parts = text.replace("\\", "").split("\n## ")[1:]
    return {f"{part.splitlines()[0].strip()}|{n}" for part in parts for n in _ERRATUM.findall(part)}


@contextlib.contextmanager
def servers() -> Iterator[tuple[Arrived, Arrived, list[str]]]:
    """A mail server and a webhook, what came to each, and the settings that send there."""
    mail, hook = Arrived(), Arrived()
    started: list[socketserver.BaseServer] = []
    for arrived, kind, handler in ((mail, _MailServer, _Mail), (hook, _HookServer, _Hook)):
        server = kind(("127.0.0.1", 0), handler)
        server.arrived = arrived
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append(server)
    ports = [server.server_address[1] for server in started]
    yield (
        mail, hook,
        ["mail.server=127.0.0.1", f"mail.port={ports[0]}", 'mail.to=["a@example.org"]',
         f"webhook.url=http://127.0.0.1:{ports[1]}/hook"],
    )  # fmt: skip
    for server in started:
        server.shutdown()
        server.server_close()


class _MailServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """A client that was killed."""


class _HookServer(ThreadingHTTPServer):
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """A client that was killed."""


class _Mail(socketserver.StreamRequestHandler):
    """RFC 5321 as far as one message needs it."""

    def handle(self) -> None:
        import email
        import email.policy

        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            if line[:4].upper() != b"DATA":
                self.wfile.write(b"221 bye\r\n" if line[:4].upper() == b"QUIT" else b"250 ok\r\n")
                continue
            self.wfile.write(b"354 go on\r\n")
            body = b""
            while not body.endswith(b"\r\n.\r\n"):
                if not (more := self.rfile.readline()):
                    return
                body += more
            part = email.message_from_bytes(body, policy=email.policy.default).get_body(("plain",))
            assert part is not None
            self.server.arrived.texts.append(part.get_content())
            time.sleep(PAUSE_S)
            self.wfile.write(b"250 taken\r\n")


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if len(body) < int(self.headers["Content-Length"]):
            return
        self.server.arrived.texts.append(body.decode())
        time.sleep(PAUSE_S)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def _asked_and_claimed(drug: str, outcome: str) -> tuple[str, str]:
    return f"Does {drug} reduce the risk of {outcome}?", f"{drug} reduces the risk of {outcome}."


def _erratum(place: int, day: int) -> int:
    return _FIRST_ERRATUM + 100 * day + place


def _article(place: int, day: int) -> str:
    """The trial of a topic with all its errata up to a day."""
    drug, outcome = TOPICS[place]
    errata = "".join(
        f'<CommentsCorrections RefType="ErratumIn"><PMID Version="1">{_erratum(place, n)}</PMID></CommentsCorrections>'
        for n in range(1, day + 1)
    )
    text = (
        f"We gave {drug} or placebo to 400 patients. {drug} significantly reduced the risk of {outcome} compared with "
        f"placebo (12% versus 31%, p = 0.001). {drug} reduces the risk of {outcome} in adults."
    )
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="{day + 1}">{90_000_000 + place}</PMID><Article><Journal>'
        "<JournalIssue><PubDate><Year>2020</Year></PubDate></JournalIssue><Title>A journal</Title></Journal>"
        f"<ArticleTitle>{drug} and the risk of {outcome}: a randomised trial.</ArticleTitle>"
        f"<Abstract><AbstractText>{text}</AbstractText></Abstract><Language>eng</Language><PublicationTypeList>"
        "<PublicationType>Randomized Controlled Trial</PublicationType></PublicationTypeList></Article>"
        f"<CommentsCorrectionsList>{errata}</CommentsCorrectionsList></MedlineCitation></PubmedArticle>"
    )


if __name__ == "__main__":
    main()
