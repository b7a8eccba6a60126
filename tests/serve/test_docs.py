"""The examples of services/README.md, run against a server."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "services/README.md"
ADDRESS = "http://127.0.0.1:8000/"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.mark.parametrize("command", [block for block in blocks("sh") if block.startswith("curl")])
def test_curl_gets_an_answer_with_pmids(command: str, server) -> None:
    command = command.replace(ADDRESS, server.address)

    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=60)

    last = result.stdout.strip().split("data: ")[-1]
    answer = json.loads(last)
    assert answer["statements"]
    assert answer["sources"][0]["url"].startswith("https://pubmed.ncbi.nlm.nih.gov/")


def test_the_openai_example_prints_footnotes(server, capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = blocks("python")

    exec(compile(program.replace(ADDRESS, server.address), str(README), "exec"), {})  # noqa: S102 - our own example

    assert "PMID " in capsys.readouterr().out


def test_the_commands_named_exist() -> None:
    from ragqa.cli import cli

    named = set(re.findall(r"ragqa (serve|mcp|doctor|index)\b", README.read_text()))

    assert named <= cli.commands.keys()


def test_the_settings_named_exist() -> None:
    table = tomllib.loads((README.parent / "server.toml").read_text())

    for part, key in re.findall(r"`(limits|security|logs)\.(\w+)", README.read_text()):
        assert key in table[part]
