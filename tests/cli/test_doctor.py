"""``ragqa doctor`` exits with 1 where something that is built or set up cannot work, and only there."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ragqa.cli import run
from ragqa.serve import key_file
from ragqa.serve.key_file import Key


def checks(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, str]]:
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] == all(check["state"] != "missing" for check in report["checks"])
    return {check["name"]: check for check in report["checks"]}


@pytest.fixture
def services(tmp_path: Path) -> Path:
    """The folder ``services`` of an own home."""
    folder = tmp_path / "home/services"
    folder.mkdir(parents=True)
    return folder


def test_an_empty_home_is_in_order(services: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 0

    found = checks(capsys)
    assert found["indexes"]["to_do"] == "ragqa index build sample"
    assert (found["served indexes"]["state"], found["keys"]["state"]) == ("warning", "ok")


def test_an_index_that_cannot_be_read_is_told(services: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (services.parent / "indexes/mine").mkdir(parents=True)
    (services.parent / "indexes/mine/manifest.json").write_text("{")

    assert run(["doctor", "--json"]) == 1
    assert checks(capsys)["index mine"]["state"] == "missing"


def test_an_index_whose_state_of_the_corpus_is_gone_is_told(services: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = services.parent
    source = home / "days" / "one.jsonl"
    source.parent.mkdir()
    source.write_text('{"_id": "1", "text": "Aspirin lowers fever."}\n')
    assert run(["corpus", "import", "mine", str(source.parent), "--format", "jsonl"]) == 0
    assert run(["index", "build", "mine", "--recipe", "bm25-anserini"]) == 0
    (built_from,) = (home / "corpora/mine/states").iterdir()
    (source.parent / "two.jsonl").write_text('{"_id": "2", "text": "Heparin is given."}\n')
    assert run(["corpus", "update", "mine"]) == 0
    capsys.readouterr()
    assert run(["doctor", "--json"]) == 0
    assert checks(capsys)["index mine"]["state"] == "warning"

    built_from.unlink()
    assert run(["doctor", "--json"]) == 1
    assert checks(capsys)["index mine"]["state"] == "missing"


@pytest.mark.parametrize(
    ("settings", "name", "message"),
    [
        ("prot = 1", "serving", "did you mean 'port'"),
        ('indexes = ["mine"]', "served indexes", "mine: not built"),
        ('host = "0.0.0.0"', "keys", "there are no keys"),
        ('[security]\nkeys_file = "other.toml"', "keys", "ragqa keys add NAME --file"),
        ('[audit]\nto = "/nowhere/audit.jsonl"', "audit file", "cannot be written"),
    ],
)
def test_a_server_that_could_not_start_is_told(
    settings: str, name: str, message: str, services: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (services / "server.toml").write_text(settings)

    assert run(["doctor", "--json"]) == 1

    check = checks(capsys)[name]
    assert check["state"] == "missing"
    assert message in check["found"]
    assert check["to_do"]


def test_keys_that_others_can_read_or_that_have_ended_are_told(
    services: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = services / "keys.toml"
    made = datetime(2026, 1, 1, tzinfo=UTC)
    key_file.write(path, {"clinic": Key(key_file.digest("x"), made, expires=made)})
    assert run(["doctor", "--json"]) == 1
    assert "no key" in checks(capsys)["keys"]["found"]

    assert run(["keys", "add", "library", "--days", "3"]) == 0
    capsys.readouterr()
    assert run(["doctor", "--json"]) == 0
    assert checks(capsys)["keys"]["found"] == "ended: clinic; end within 14 days: library"

    path.chmod(0o644)
    assert run(["doctor", "--json"]) == 1
    assert "chmod 600" in checks(capsys)["keys"]["found"]


def test_the_table_ends_with_the_same_code(services: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (services / "server.toml").write_text("prot = 1")

    assert run(["doctor"]) == 1
    assert "did you mean 'port'" in capsys.readouterr().out
