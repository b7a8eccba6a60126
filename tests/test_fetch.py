"""Downloads against a real server on this machine: whole, broken off, continued, changed, or wrong."""

import hashlib
import io
import json
import zipfile

import pytest

from ragqa.errors import SourceError, UsageError
from ragqa.fetch import RemoteFile, fetch

BODY = bytes(range(256)) * 4000


@pytest.fixture
def server(file_server):
    file_server.files["/set.bin"] = BODY
    return file_server


def remote(server, **changes):
    known = {
        "size_bytes": len(BODY),
        "checksum": f"sha256:{hashlib.sha256(BODY).hexdigest()}",
    }
    return RemoteFile(**({"name": "part/set.bin", "url": server.url("/set.bin")} | known | changes))


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
    assert origin == {
        "url": server.url("/set.bin"),
        "size_bytes": len(BODY),
        "sha256": hashlib.sha256(BODY).hexdigest(),
    }


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
