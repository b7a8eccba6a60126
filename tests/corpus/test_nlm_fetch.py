"""NLM's files from mirrors that are folders or servers, well-behaved or not: each once, checked, in order."""

import gzip
import hashlib
import json
import logging
import shutil
from pathlib import Path

import pytest

from ragqa import products
from ragqa.cli import run
from ragqa.corpus.nlm_fetch import FETCHED_FILE, fetch_pubmed, read_fetched
from ragqa.errors import BackendError, ProductError, SourceError, UsageError
from ragqa.manifest import exclusive

RECIPE = 'format = "pubmed-xml"\nsources = []\nfetch = "https://ftp.ncbi.nlm.nih.gov/pubmed"\n'


def packed(*records: str) -> bytes:
    return gzip.compress(f"<PubmedArticleSet>{''.join(records)}</PubmedArticleSet>".encode(), mtime=0)


def article(pmid: int, title: str) -> str:
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="1">{pmid}</PMID>'
        f"<Article><ArticleTitle>{title}</ArticleTitle></Article></MedlineCitation></PubmedArticle>"
    )


def deletion(pmid: int) -> str:
    return f"<DeleteCitation><PMID>{pmid}</PMID></DeleteCitation>"


class Mirror:
    """A copy of NLM's folders, on a server or in a folder."""

    def __init__(self, file_server, folder: Path | None = None) -> None:
        self.server, self.folder = file_server, folder
        self.address = folder.as_uri() if folder else file_server.url("/pubmed")

    def put(self, number: int, *records: str, year: int = 26, kind: str = "baseline", md5: str = "") -> bytes:
        content = packed(*records)
        name = f"pubmed{year}n{number:04}.xml.gz"
        self.write(f"{kind}/{name}", content)
        told = f"MD5({name})= {md5 or hashlib.md5(content).hexdigest()}\n"  # noqa: S324
        self.write(f"{kind}/{name}.md5", told.encode())
        return content

    def write(self, path: str, content: bytes) -> None:
        if self.folder:
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_bytes(content)
        else:
            self.server.files[f"/pubmed/{path}"] = content

    def remove(self, path: str) -> None:
        if self.folder:
            (self.folder / path).unlink()
        else:
            del self.server.files[f"/pubmed/{path}"]


@pytest.fixture(params=["server", "folder"])
def mirror(request, file_server, tmp_path) -> Mirror:
    """Two files of baseline and one update, which revises one article and deletes another."""
    made = Mirror(file_server, tmp_path / "mirror" if request.param == "folder" else None)
    made.put(1, article(1, "one"), article(2, "two"))
    made.put(2, article(3, "three"))
    made.put(3, article(1, "one, revised"), deletion(3), kind="updatefiles")
    return made


@pytest.fixture
def on_server(file_server) -> Mirror:
    made = Mirror(file_server)
    made.put(1, article(1, "one"))
    made.put(2, article(2, "two"))
    made.put(3, article(3, "three"), kind="updatefiles")
    return made


def in_force(folder: Path) -> list[str]:
    return [Path(entry.path).name[6:12] for entry in read_fetched(folder).files]


def test_everything_comes_once_and_only_what_is_new_afterwards(mirror, file_server, tmp_path) -> None:
    folder = tmp_path / "sources"
    report = fetch_pubmed(mirror.address, folder)
    assert [Path(path).name for path in report.new] == [f"pubmed26n000{n}.xml.gz" for n in (1, 2, 3)]
    assert (report.n_files, report.missing) == (3, ())
    for entry in read_fetched(folder).files:
        content = (folder / entry.path).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (entry.size_bytes, entry.sha256)

    file_server.requests.clear()
    mirror.put(4, article(4, "four"), kind="updatefiles")
    assert fetch_pubmed(mirror.address, folder).new == ("updatefiles/pubmed26n0004.xml.gz",)
    asked = {path for path, _ in file_server.requests if path.endswith(".gz")}
    assert asked == (set() if mirror.folder else {"/pubmed/updatefiles/pubmed26n0004.xml.gz"})
    assert fetch_pubmed(mirror.address, folder).new == ()


def test_the_commands_fetch_build_and_update(mirror, tmp_path, capsys) -> None:
    recipe = tmp_path / "home" / "corpora" / "demo.toml"
    recipe.parent.mkdir(parents=True)
    recipe.write_text(RECIPE)
    place = ["--mirror", str(mirror.folder) if mirror.folder else mirror.address]

    assert run(["corpus", "build", "demo"]) == 1
    assert "run: ragqa corpus fetch demo" in capsys.readouterr().err
    assert run(["corpus", "fetch", "demo", *place, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_files"] == 3
    assert run(["index", "build", "demo", "--recipe", "bm25-anserini"]) == 0
    with products.open_store("demo") as store:
        assert len(store) == 2
        assert store.get("1").sections[0].text == "one, revised"

    mirror.put(4, article(4, "four"), deletion(2), kind="updatefiles")
    capsys.readouterr()
    assert run(["update", "demo", *place]) == 0
    assert "demo: 2 documents" in capsys.readouterr().out
    with products.open_store("demo") as store:
        assert store.find(["1", "2", "3", "4"]).tolist() == [3, -1, -1, 4]


def test_the_source_of_the_recipe_is_asked_through_the_mirror_of_the_site(on_server, tmp_path, monkeypatch) -> None:
    (tmp_path / "home" / "corpora").mkdir(parents=True)
    (tmp_path / "home" / "corpora" / "demo.toml").write_text(RECIPE)
    files = on_server.server.files
    on_server.server.files = {f"/copy/ftp.ncbi.nlm.nih.gov{path}": content for path, content in files.items()}
    monkeypatch.setenv("RAGQA_MIRROR", on_server.server.url("/copy"))
    assert products.fetch_corpus("demo").n_files == 3


def test_a_recipe_without_a_source_and_a_mirror_that_is_none_are_told(tmp_path) -> None:
    with pytest.raises(UsageError, match=r"names nothing to fetch from; add to it: fetch = 'https://ftp"):
        products.fetch_corpus("sample")
    with pytest.raises(UsageError, match="there is no folder"):
        products.fetch_corpus("pubmed", str(tmp_path / "nowhere"))
    with pytest.raises(SourceError, match="lists no file pubmedYYnNNNN"):
        products.fetch_corpus("pubmed", str(tmp_path))


def test_broken_connections_and_busy_servers_are_asked_again(on_server, tmp_path) -> None:
    server = on_server.server
    server.n_busy = 1
    server.cut, server.n_cuts = 40, 1
    report = fetch_pubmed(on_server.address, tmp_path)
    assert report.n_files == 3
    assert (server.n_busy, server.n_cuts) == (0, 0)


def test_what_broke_off_for_good_is_continued_by_the_next_run(on_server, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("ragqa.corpus.nlm_fetch._AT_A_TIME", 1)
    big = on_server.put(4, *(article(n, hashlib.sha512(str(n).encode()).hexdigest()) for n in range(99, 400)),
                        kind="updatefiles")  # fmt: skip
    fetch_pubmed(on_server.address, tmp_path / "once")
    on_server.server.requests.clear()
    on_server.server.n_cuts, on_server.server.cut = 100, len(on_server.server.body("/pubmed/updatefiles/"))
    with pytest.raises(SourceError, match=r"1 of 4 files .* pubmed26n0004\.xml\.gz first: .* broke off"):
        fetch_pubmed(on_server.address, tmp_path / "sources")
    on_server.server.n_cuts = 0
    on_server.server.requests.clear()
    fetch_pubmed(on_server.address, tmp_path / "sources")
    asked = [begin for path, begin in on_server.server.requests if path.endswith("0004.xml.gz")]
    assert len(asked) == 1
    assert int(asked[0].removeprefix("bytes=").removesuffix("-")) > 0
    assert (tmp_path / "sources/updatefiles/pubmed26n0004.xml.gz").read_bytes() == big


@pytest.mark.parametrize("damage", ["md5", "no md5 in it", "gone"])
def test_a_baseline_that_is_not_whole_is_not_read(on_server, tmp_path, damage) -> None:
    path = "/pubmed/baseline/pubmed26n0002.xml.gz"
    whole = dict(on_server.server.files)
    if damage == "gone":
        del on_server.server.files[path]
        on_server.server.files[f"{path}/"] = b""  # it is listed all the same
    else:
        on_server.server.files[f"{path}.md5"] = b"0" * 32 if damage == "md5" else b"<html>later</html>"
    with pytest.raises(SourceError, match=r"1 of 3 files could not be fetched, pubmed26n0002\.xml\.gz first"):
        fetch_pubmed(on_server.address, tmp_path)
    assert in_force(tmp_path) == []
    assert not (tmp_path / "baseline" / "pubmed26n0002.xml.gz").exists()
    on_server.server.files = whole
    on_server.server.requests.clear()
    fetch_pubmed(on_server.address, tmp_path)
    assert in_force(tmp_path) == ["26n000", "26n000", "26n000"]
    assert [name for name, _ in on_server.server.requests if name.endswith(".gz")] == [path]


def test_updates_are_read_up_to_the_first_that_is_wrong(on_server, tmp_path) -> None:
    fetch_pubmed(on_server.address, tmp_path)
    on_server.put(4, article(4, "four"), kind="updatefiles")
    on_server.put(5, article(5, "five"), kind="updatefiles", md5="0" * 32)
    on_server.put(6, article(6, "six"), kind="updatefiles")
    with pytest.raises(SourceError, match=r"pubmed26n0005\.xml\.gz first.*run the same command again"):
        fetch_pubmed(on_server.address, tmp_path)
    assert [entry.path[-11:-7] for entry in read_fetched(tmp_path).files] == ["0001", "0002", "0003", "0004"]
    on_server.put(5, article(5, "five"), kind="updatefiles")
    assert len(fetch_pubmed(on_server.address, tmp_path).new) == 2
    assert len(read_fetched(tmp_path).files) == 6


def test_a_number_that_the_sequence_lacks_is_told_and_read_when_it_comes(on_server, tmp_path, caplog) -> None:
    on_server.put(5, article(5, "five"), kind="updatefiles")
    on_server.write("updatefiles/pubmed26n0004.xml.gz", b"half of it")  # and its md5 is not there yet
    report = fetch_pubmed(on_server.address, tmp_path)
    assert report.missing == ("pubmed26n0004",)
    assert read_fetched(tmp_path).missing == ("pubmed26n0004",)
    assert "lacks pubmed26n0004; what they hold is not in the corpus until they are there" in caplog.text
    on_server.put(4, article(4, "four"), kind="updatefiles")
    assert fetch_pubmed(on_server.address, tmp_path).missing == ()
    assert [entry.path[-11:-7] for entry in read_fetched(tmp_path).files] == ["0001", "0002", "0003", "0004", "0005"]


def test_a_new_baseline_takes_the_place_of_the_old_one_when_it_is_whole(on_server, tmp_path) -> None:
    fetch_pubmed(on_server.address, tmp_path)
    on_server.put(1, article(1, "one"), year=27)
    on_server.put(4, article(4, "four"), kind="updatefiles")
    fetch_pubmed(on_server.address, tmp_path)
    assert {entry.path[-15:-11] for entry in read_fetched(tmp_path).files} == {"d26n"}
    on_server.put(2, article(2, "two"), year=27)
    on_server.put(3, article(3, "three"), year=27, kind="updatefiles")
    fetch_pubmed(on_server.address, tmp_path)
    paths = [entry.path for entry in read_fetched(tmp_path).files]
    assert paths == [f"{kind}/pubmed27n000{n}.xml.gz" for n, kind in enumerate(["baseline"] * 2 + ["updatefiles"], 1)]
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.gz")}
    assert left == set(paths)


def test_what_is_put_there_while_a_new_baseline_is_fetched_belongs_to_it(on_server, tmp_path) -> None:
    folder = tmp_path / "sources"
    fetch_pubmed(on_server.address, folder)
    on_server.put(1, article(1, "one"), year=27)
    on_server.put(2, article(2, "two"), year=27)

    def put_more(stage: str, done: int, total: int | None) -> None:
        on_server.put(3, article(3, "three"), year=27)

    report = fetch_pubmed(on_server.address, folder, put_more)

    assert in_force(folder) == ["27n000"] * 3
    assert (len(report.new), report.n_files) == (3, 3)


def test_a_damaged_file_or_record_is_fetched_again(on_server, tmp_path) -> None:
    fetch_pubmed(on_server.address, tmp_path)
    whole = (tmp_path / FETCHED_FILE).read_bytes()
    (tmp_path / "baseline" / "pubmed26n0001.xml.gz").write_bytes(b"cut")
    assert fetch_pubmed(on_server.address, tmp_path).new == ("baseline/pubmed26n0001.xml.gz",)
    (tmp_path / FETCHED_FILE).write_bytes(whole[:50])
    (tmp_path / "baseline" / "pubmed26n0002.xml.gz").write_bytes(b"other")
    fetch_pubmed(on_server.address, tmp_path)
    assert (tmp_path / FETCHED_FILE).read_bytes() == whole


def test_two_at_a_time_are_refused(on_server, tmp_path) -> None:
    with exclusive(tmp_path, "fetch"), pytest.raises(ProductError, match="another fetch is at work"):
        fetch_pubmed(on_server.address, tmp_path)


def mesh_of(*names: str) -> bytes:
    """NLM's descriptors, packed."""
    records = "".join(
        f"<DescriptorRecord><DescriptorName><String>{name}</String></DescriptorName></DescriptorRecord>"
        for name in names
    )
    return gzip.compress(f"<DescriptorRecordSet>{records}</DescriptorRecordSet>".encode(), mtime=0)


def test_mesh_of_the_year_comes_once_and_travels_into_the_corpus(on_server, tmp_path, capsys) -> None:
    recipe = tmp_path / "home" / "corpora" / "demo.toml"
    recipe.parent.mkdir(parents=True)
    server = on_server.server
    recipe.write_text(f'{RECIPE}fetch_mesh = "{server.url("/mesh/")}"\n')
    assert run(["corpus", "fetch", "demo", "--mirror", on_server.address]) == 0
    assert "MeSH of this year is not here" in capsys.readouterr().err
    assert run(["corpus", "build", "demo"]) == 0
    with products.open_store("demo") as store:
        assert store.mesh() is None

    server.files["/mesh/desc2026.gz"] = mesh_of("Heart Diseases", "Stroke")
    server.files["/mesh/desc2027.gz"] = mesh_of("Heart Diseases", "Stroke", "Long COVID")
    assert run(["corpus", "fetch", "demo", "--mirror", on_server.address]) == 0
    assert run(["corpus", "build", "demo"]) == 0
    with products.open_store("demo") as store:
        assert set(store.mesh().headings) == {"Heart Diseases", "Stroke"}
    assert run(["corpus", "verify", "demo"]) == 0

    server.requests.clear()
    assert run(["corpus", "fetch", "demo", "--mirror", on_server.address]) == 0
    assert not [path for path, _ in server.requests if path.startswith("/mesh/")]

    on_server.put(1, article(1, "one"), year=27)
    on_server.put(2, article(2, "two"), year=27)
    assert run(["corpus", "fetch", "demo", "--mirror", on_server.address]) == 0
    assert run(["corpus", "build", "demo"]) == 0
    with products.open_store("demo") as store:
        assert "Long COVID" in store.mesh()


def test_how_much_is_to_come_is_told_and_refused_where_there_is_no_room(
    mirror, tmp_path, caplog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4, 30):
        mirror.put(number, article(number, "an article of many"), kind="updatefiles")
    free = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free._replace(free=100))
    with pytest.raises(BackendError, match=r"no room for 29 files of about 0.0 GB; 0.0 GB are free in .*RAGQA_HOME"):
        fetch_pubmed(mirror.address, tmp_path / "sources")
    assert not list((tmp_path / "sources").rglob("*.gz"))

    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    logger = logging.getLogger("ragqa.corpus.nlm_fetch")  # the command line keeps what ragqa says from the root logger
    monkeypatch.setattr(logger, "handlers", [caplog.handler])
    with caplog.at_level("INFO", logger.name):
        assert fetch_pubmed(mirror.address, tmp_path / "sources").n_files == 29
    assert "fetching 29 files of about 0.0 GB" in caplog.text
