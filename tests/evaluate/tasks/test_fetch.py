"""Downloads against a real server on this machine: whole, broken off, continued, changed, or wrong."""

import hashlib
import io
import json
import re
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ragqa.errors import RecipeError, SourceError, UsageError
from ragqa.evaluate.tasks.card import data_folder, fetch_task, load_card
from ragqa.evaluate.tasks.fetch import RemoteFile, fetch
from ragqa.evaluate.tasks.registry import task_names
from ragqa.home import home

BODY = bytes(range(256)) * 4000


class Server(ThreadingHTTPServer):
    """Serves ``files``; breaks the connection off after ``cut`` bytes as often as ``n_cuts`` says."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"/set.bin": BODY}
        self.cut = 0
        self.n_cuts = 0
        self.ranges = True
        self.requests = []

    def url(self, path="/set.bin"):
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append((self.path, self.headers.get("Range")))
        body = self.server.files.get(self.path)
        if body is None:
            self.send_error(404)
            return
        begin = 0
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if match and self.server.ranges:
            begin = int(match[1])
            if begin >= len(body):
                self.send_error(416)
                return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(body) - begin))
        self.end_headers()
        rest = body[begin:]
        if self.server.n_cuts:
            self.server.n_cuts -= 1
            rest = rest[: self.server.cut]
        self.wfile.write(rest)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def remote(server, **changes):
    known = {
        "size_bytes": len(BODY),
        "checksum": f"sha256:{hashlib.sha256(BODY).hexdigest()}",
    }
    return RemoteFile(**({"name": "part/set.bin", "url": server.url()} | known | changes))


def names(folder):
    return sorted(path.name for path in (folder / "part").iterdir())


def test_a_whole_file_is_checked_placed_and_not_fetched_again(server, tmp_path):
    seen = []
    path = fetch(remote(server), tmp_path, lambda stage, done, total: seen.append((stage, done, total)))
    assert path.read_bytes() == BODY
    assert seen[-1] == ("fetch part/set.bin", len(BODY), len(BODY))
    assert names(tmp_path) == ["set.bin", "set.bin.origin.json"]
    fetch(remote(server), tmp_path)
    assert len(server.requests) == 1


def test_what_broke_off_is_continued_where_it_ended(server, tmp_path):
    server.cut, server.n_cuts = 300_000, 2
    assert fetch(remote(server), tmp_path).read_bytes() == BODY
    assert [asked for _, asked in server.requests] == [None, "bytes=300000-", "bytes=600000-"]


def test_the_part_is_kept_for_the_next_call(server, tmp_path):
    server.cut, server.n_cuts = 100_000, 3
    with pytest.raises(SourceError, match=r"broke off .* 3 times; set\.bin\.part is kept"):
        fetch(remote(server), tmp_path)
    assert names(tmp_path) == ["set.bin.part"]
    assert fetch(remote(server), tmp_path).read_bytes() == BODY
    assert server.requests[-1] == ("/set.bin", "bytes=300000-")


def test_a_server_that_cannot_continue_starts_from_zero(server, tmp_path):
    server.cut, server.n_cuts, server.ranges = 300_000, 1, False
    assert fetch(remote(server), tmp_path).read_bytes() == BODY


def test_a_part_of_an_earlier_version_is_thrown_away(server, tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "set.bin.part").write_bytes(b"older" * 1000)
    assert fetch(remote(server), tmp_path).read_bytes() == BODY
    assert [asked for _, asked in server.requests] == ["bytes=5000-", None]


@pytest.mark.parametrize(
    "known", [{"checksum": "sha256:" + "0" * 64}, {"checksum": "md5:" + "0" * 32}, {"size_bytes": 17}]
)
def test_something_else_than_was_published_is_refused_and_removed(server, tmp_path, known):
    with pytest.raises(SourceError, match=r"(?:instead of|does not match) .* by hand and put it at .*set\.bin"):
        fetch(remote(server, **known), tmp_path)
    assert names(tmp_path) == []


def test_without_a_published_checksum_what_came_is_recorded(server, tmp_path):
    fetch(remote(server, size_bytes=0, checksum=""), tmp_path)
    origin = json.loads((tmp_path / "part" / "set.bin.origin.json").read_text())
    assert origin == {"url": server.url(), "size_bytes": len(BODY), "sha256": hashlib.sha256(BODY).hexdigest()}


def test_an_empty_body_is_no_file(server, tmp_path):
    server.files["/set.bin"] = b""
    with pytest.raises(SourceError, match="it is empty"):
        fetch(remote(server, size_bytes=0, checksum=""), tmp_path)


def test_a_damaged_file_that_is_there_is_told_not_overwritten(server, tmp_path):
    fetch(remote(server), tmp_path)
    (tmp_path / "part" / "set.bin").write_bytes(b"x" * len(BODY))
    with pytest.raises(SourceError, match="delete it and fetch it again"):
        fetch(remote(server), tmp_path)


def test_what_cannot_be_reached_says_what_to_do(server, tmp_path):
    with pytest.raises(SourceError, match=r"HTTP 404 .*RAGQA_MIRROR"):
        fetch(remote(server, url=server.url("/gone")), tmp_path)
    with pytest.raises(SourceError, match="by hand"):
        fetch(remote(server, url="http://127.0.0.1:9/x"), tmp_path)
    with pytest.raises(UsageError, match="not an address"):
        fetch(remote(server, url="ftp://127.0.0.1/x"), tmp_path)
    with pytest.raises(UsageError, match="no file name below"):
        fetch(remote(server, name="../x"), tmp_path)


class TestMirror:
    URL = "https://data.example.org/sets/set.bin"

    def test_a_folder(self, server, tmp_path, monkeypatch):
        copy = tmp_path / "mirror" / "data.example.org" / "sets"
        copy.mkdir(parents=True)
        (copy / "set.bin").write_bytes(BODY)
        monkeypatch.setenv("RAGQA_MIRROR", (tmp_path / "mirror").as_uri())
        assert fetch(remote(server, url=self.URL), tmp_path).read_bytes() == BODY
        assert not server.requests

    def test_a_server(self, server, tmp_path, monkeypatch):
        server.files["/copy/data.example.org/sets/set.bin"] = BODY
        monkeypatch.setenv("RAGQA_MIRROR", server.url("/copy/"))
        assert fetch(remote(server, url=self.URL), tmp_path).read_bytes() == BODY

    def test_a_file_that_the_mirror_lacks(self, server, tmp_path, monkeypatch):
        monkeypatch.setenv("RAGQA_MIRROR", tmp_path.as_uri())
        with pytest.raises(SourceError, match=r"data\.example\.org/sets/set\.bin"):
            fetch(remote(server, url=self.URL), tmp_path)

    def test_it_must_be_an_address(self, server, tmp_path, monkeypatch):
        monkeypatch.setenv("RAGQA_MIRROR", "/data/mirror")
        with pytest.raises(UsageError, match="must begin with file: or http"):
            fetch(remote(server), tmp_path)


def zipped(*members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in members:
            archive.writestr(name, "{}")
    return buffer.getvalue()


@pytest.mark.parametrize("members", [("set/corpus.jsonl", "set/qrels/test.tsv"), ("corpus.jsonl", "qrels/test.tsv")])
def test_archives_are_unpacked_into_the_folder_of_their_name(server, tmp_path, members):
    server.files["/set.zip"] = zipped(*members)
    file = RemoteFile("set.zip", server.url("/set.zip"), unpack=True)
    folder = fetch(file, tmp_path)
    assert folder == tmp_path / "set"
    assert (folder / "corpus.jsonl").is_file()
    assert (folder / "qrels" / "test.tsv").is_file()
    assert fetch(file, tmp_path) == folder


def test_a_broken_archive_leaves_no_folder(server, tmp_path):
    server.files["/set.zip"] = zipped("set/corpus.jsonl")[:-30]
    with pytest.raises(SourceError, match="cannot be unpacked"):
        fetch(RemoteFile("set.zip", server.url("/set.zip"), unpack=True), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set.zip", "set.zip.origin.json"]


class TestCards:
    @pytest.mark.parametrize("name", task_names())
    def test_every_task_has_a_card_and_a_way_to_its_data(self, name):
        assert name in task_names()
        card = load_card(name)
        assert card.files or card.steps or name in {"sample", "unanswerable"}
        assert all(len(text) > 20 for text in (card.purpose, card.construct, card.contamination, card.intended_use))
        assert card.title and card.measures and card.licence and card.size and card.official_measure
        assert len({file.name for file in card.files}) == len(card.files)

    def test_registration_is_explained(self):
        with pytest.raises(UsageError, match=r"\(1\) Register at http://participants-area\.bioasq\.org"):
            fetch_task("bioasq")

    def test_a_part_is_fetched_into_the_home_folder(self, server):
        cards = home() / "eval" / "tasks"
        cards.mkdir(parents=True)
        needed = ("title", "measures", "source", "licence", "size", "official_measure", "purpose", "construct")
        needed += ("contamination", "intended_use", "limits")
        text = "".join(f'{name} = "x"\n' for name in needed)
        for part in ("a", "b"):
            text += f'[[files]]\npart = "{part}"\nname = "{part}/set.bin"\nurl = "{server.url()}"\n'
        (cards / "own.toml").write_text(text)

        assert fetch_task("own", "a") == [data_folder("own") / "a" / "set.bin"]
        with pytest.raises(UsageError, match="no part 'c'"):
            fetch_task("own", "c")

        (cards / "own.toml").write_text(text.replace("part =", "prat ="))
        with pytest.raises(RecipeError, match="did you mean 'part'"):
            load_card("own")
