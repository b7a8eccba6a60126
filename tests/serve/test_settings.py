"""Settings of the server: the file that comes with ragqa, overrides, and what is refused."""

import json
import logging
from pathlib import Path

import pytest

from ragqa import home, recipe
from ragqa.cli import run
from ragqa.errors import RecipeError, UsageError
from ragqa.serve.keys import check_exposure, open_keys
from ragqa.serve.logs import JsonFormatter
from ragqa.serve.settings import Security, ServeSettings, load

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what is refused


def test_the_settings_file_holds_the_defaults() -> None:
    settings = load("server")

    assert settings == ServeSettings(description=settings.description)


def test_the_settings_file_names_every_key() -> None:
    import tomllib

    table = tomllib.loads(home.recipe_path("services", "server").read_text())

    assert table.keys() == recipe.to_table(ServeSettings()).keys()
    for name, part in recipe.to_table(ServeSettings()).items():
        if isinstance(part, dict):
            assert table[name].keys() == part.keys()


def test_overrides_go_to_the_server_or_to_the_recipes() -> None:
    settings = load("server", ["limits.waiting=3", "answer.n_documents=5", "port=9000"])

    assert settings.limits.waiting == 3
    assert settings.port == 9000
    assert settings.overrides == ("answer.n_documents=5",)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("limits.wating=3", "did you mean 'waiting'"),
        ("limits.waiting=-1", "waiting"),
        ("limits.request_seconds=0", "request_seconds"),
        ("port=65536", "port"),
        ("indexes=[]", "indexes is empty"),
        ("security.keys=1", "unknown key"),
    ],
)
def test_wrong_settings_are_refused(override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load("server", [override])


def test_a_server_beyond_this_machine_needs_keys() -> None:
    for host in (EVERYWHERE, "::", "192.0.2.1", "ragqa.example.org"):
        with pytest.raises(UsageError, match="ragqa keys add"):
            check_exposure(host, open_keys(Security()), Security())
    open_to_all = Security(allow_without_keys=True)
    check_exposure(EVERYWHERE, open_keys(open_to_all), open_to_all)
    assert run(["keys", "add", "clinic"]) == 0
    check_exposure(EVERYWHERE, open_keys(Security()), Security())


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["serve", "--index", "sampel"], 2, "did you mean 'sample'"),
        (["serve", "--host", EVERYWHERE], 2, "there are no keys"),
        (["serve", "--keys-file", "nowhere.toml"], 2, "ragqa keys add NAME --file"),
        (["serve", "--settings", "sever"], 2, "did you mean 'server'"),
        (["serve", "--set", "limits.wating=1"], 2, "did you mean 'waiting'"),
        (["serve", "--set", "answer.n_document=1", "--port", "0"], 2, "did you mean 'n_documents'"),
        (["serve", "--host", "192.0.2.1", "--allow-without-keys"], 1, "cannot listen on"),
        (["serve", "--port", "70000"], 2, "70000"),
        (["serve", "--host", "a..b", "--allow-without-keys"], 2, "'a..b' is no name of a host"),
        (["mcp", "--index", "sampel"], 2, "did you mean 'sample'"),
        (["mcp", "--http", "--host", EVERYWHERE], 2, "there are no keys"),
    ],
)
def test_a_server_that_cannot_start_says_so_in_one_line(
    arguments: list[str],
    exit_code: int,
    message: str,
    sample_home: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(arguments) == exit_code

    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert len(captured.err.strip().splitlines()) == 1


def test_a_line_of_the_log_is_written_whatever_it_tells() -> None:
    record = logging.makeLogRecord({"name": "ragqa", "levelname": "ERROR", "msg": "no file 'a\udcff\ud800'"})

    assert json.loads(JsonFormatter().format(record))["message"] == "no file 'a\\udcff\\ud800'"


def test_a_taken_port_is_told(sample_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        assert run(["serve", "--port", str(taken.getsockname()[1])]) == 1

    assert "cannot listen on" in capsys.readouterr().err
