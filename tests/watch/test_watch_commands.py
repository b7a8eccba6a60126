"""``ragqa watch`` and ``ragqa affected`` as a user types them: what they print, and how they fail."""

import json
import shutil
from pathlib import Path

import pytest

from ragqa.cli import run
from ragqa.watch import alerts, folders, items, settings
from ragqa.watch.run import only_one
from ragqa.watch.types import Change, Finding, Item

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def home(built_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of the test's own with the built sample."""
    folder = tmp_path / "home"
    shutil.copytree(built_sample, folder)
    monkeypatch.setenv("RAGQA_HOME", str(folder))
    return folder


def one_line(capsys: Captured) -> str:
    """The single line on stderr; nothing may be on stdout."""
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.strip().splitlines()
    assert line.startswith("ragqa: ")
    return line


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("", b"", "the question is empty"),
        ("Les statines préviennent-elles la démence chez les patients ?", b"", "seems to be in French"),
        ("texts/leaflet.txt", b"", "there is no file texts/leaflet.txt"),
        ("my leaflet.md", b"", "there is no file my leaflet.md"),
        ("Statine senken das Cholesterin und werden gut vertragen. " * 8, b"", "seems to be in German"),
        ("empty.txt", b"\n\n", "holds no text"),
        ("no-claims.txt", b"What is a statin? Ask your doctor.", "no-claims.txt has no claim that could be watched"),
        ("german.txt", b"Statine senken das Cholesterin und werden gut vertragen.", "seems to be in German"),
        ("binary.txt", bytes(range(255, 0, -1)), "is not UTF-8 text"),
        ("other.json", b'{"title": "A trial"}', "neither an answer nor a checked text"),
        ("torn.json", b'{"question": {"te', "neither an answer nor a checked text"),
    ],
)  # fmt: skip
def test_what_cannot_be_watched_is_told_in_a_line(  # noqa: PLR0917
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, name: str, content: bytes, told: str
) -> None:
    monkeypatch.chdir(home)
    if content:
        Path(name).write_bytes(content)

    assert run(["watch", "add", name]) in {1, 2}

    assert told in one_line(capsys)
    assert items.read_all() == []


def test_an_item_is_added_once_listed_and_removed(home: Path, capsys: Captured) -> None:
    assert run(["watch", "add", STATINS]) == 0
    added = capsys.readouterr().out
    one_id = added.partition(":")[0]
    assert run(["watch", "add", STATINS]) == 2
    assert one_id in one_line(capsys)
    assert run(["watch", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert run(["watch", "remove", "zzzz"]) == 2
    assert "ragqa watch list" in one_line(capsys)
    assert run(["watch", "remove", one_id[:4]]) == 0
    assert STATINS in capsys.readouterr().out
    assert run(["watch", "list"]) == 0

    assert f"  {STATINS}: yes" in added
    assert [(item["id"], item["kind"], item["title"]) for item in listed["items"]] == [(one_id, "question", STATINS)]
    assert listed["uncertain"] == []
    assert one_id not in capsys.readouterr().out


def test_a_second_run_at_once_is_refused(home: Path, capsys: Captured) -> None:
    with only_one():
        assert run(["watch", "run"]) == 1

    assert "another watch run is at work" in one_line(capsys)


def test_an_index_that_is_gone_is_told_and_the_others_are_looked_at(home: Path, capsys: Captured) -> None:
    assert run(["watch", "add", STATINS]) == 0
    lost = items.save(Item("lost", "gone", "question", "Q?", (Finding("Q?"),), "state"))
    change = Change("verdict", "Q?", "The answer was yes and is now no.")
    alerts.write(Item("lost", "gone", "question", "Q?", (Finding("Q?"),), "state", serial=1), (change,), "s", ("file",))
    capsys.readouterr()

    assert run(["watch", "run"]) == 1

    captured = capsys.readouterr()
    assert captured.out.startswith("1 watched,")
    assert "'gone' was not looked at: there is no index 'gone'" in captured.err
    assert [path for path in (home / "watch" / "digests").glob("*.md") if "now no" in path.read_text()]
    assert lost.id in {item.id for item in items.read_all()}


def test_a_corpus_that_is_gone_is_told_and_nothing_is_forgotten(home: Path, tmp_path: Path, capsys: Captured) -> None:
    assert run(["watch", "add", STATINS]) == 0
    before = items.read_all()
    shutil.rmtree(home / "corpora" / "sample")
    answer = tmp_path / "answer.json"
    answer.write_text("{}")
    capsys.readouterr()

    codes = [run(arguments) for arguments in (["watch", "run"], ["watch", "add", "Do statins help?"],
                                              ["affected", str(answer)], ["watch", "list"])]  # fmt: skip

    captured = capsys.readouterr()
    assert codes == [1, 2, 2, 0]
    assert captured.err.count("there is no corpus 'sample'") == 3
    assert "Traceback" not in captured.err
    assert STATINS in captured.out
    assert items.read_all() == before


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("noice = 0.2\n", "noise"),
        ("noise = 1.5\n", "noise"),
        ('[mail]\nserver = "mail.example.org"\nto = ["a@example.org"]\nuser = "u"\n', "mail.tls is 'none'"),
        ('[webhook]\nurl = "ftp://example.org"\n', "must begin with http"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(capsys: Captured, text: str, told: str) -> None:
    folders.watch_folder().mkdir(parents=True)
    (folders.watch_folder() / "watch.toml").write_text(text)

    assert run(["watch", "run"]) == 2

    assert told in one_line(capsys)


def test_nothing_watched_is_no_error(capsys: Captured) -> None:
    assert run(["watch", "run"]) == 0
    assert capsys.readouterr().out.startswith("0 watched")
    assert settings.load().channels() == ("file",)


def test_affected_refuses_what_holds_no_answer(home: Path, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "notes.json").write_text('{"a": 1}')
    for arguments, code, told in (
        ([str(tmp_path / "nowhere")], 1, "there is nothing at"),
        ([str(tmp_path / "notes.json")], 1, "no answer with cited articles"),
        ([str(tmp_path), "--index", "smple"], 2, "did you mean 'sample'"),
    ):
        assert run(["affected", *arguments]) == code
        assert told in one_line(capsys)
