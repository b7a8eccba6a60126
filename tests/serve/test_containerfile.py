"""The Containerfile, as far as it can be followed without a container: what it copies, checks and runs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ragqa.cli import cli

REPOSITORY = Path(__file__).parents[2]
TEXT = (REPOSITORY / "Containerfile").read_text()
IMAGE = TEXT.rpartition("\nFROM ")[2]


def healthy(address: str) -> bool:
    """Whether the check of the image finds a server at an address to be alive."""
    found = re.search(r"^HEALTHCHECK .*CMD (\[.*\])$", IMAGE, re.MULTILINE)
    assert found
    command = [word.replace("http://127.0.0.1:8000/", address) for word in json.loads(found[1])]
    assert command[0] == "python"
    assert address in command[-1]
    return subprocess.run([sys.executable, *command[1:]], check=False, capture_output=True).returncode == 0


def test_the_check_tells_a_live_server_from_none(start_server) -> None:
    with start_server("--index", "hostile") as server:
        assert healthy(server.address)
        server.process.terminate()
        server.process.wait(60)
        assert not healthy(server.address)


def test_what_is_copied_exists_and_is_not_kept_out() -> None:
    kept = [line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [
        source for line in re.findall(r"^COPY (?!--from)(.+)$", TEXT, re.MULTILINE) for source in line.split()[:-1]
    ]
    assert len(copied) > 5
    for source in copied:
        assert (REPOSITORY / source).exists(), source
        assert source in kept, source


def test_secrets_and_products_are_kept_out() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert lines.index("services/keys.toml") > lines.index("!services")
    assert lines.index("indexes/*/") > lines.index("!indexes")
    assert lines.index("corpora/*/*") > lines.index("!corpora")


def test_the_image_runs_what_there_is_and_not_as_root() -> None:
    user = re.search(r"^USER (\d+):(\d+)$", IMAGE, re.MULTILINE)
    assert user
    assert "0" not in user.groups()
    entry = re.search(r"^ENTRYPOINT (.+)$", IMAGE, re.MULTILINE)
    command = re.search(r"^CMD (.+)$", IMAGE, re.MULTILINE)
    assert entry
    assert command
    assert json.loads(entry[1]) == ["ragqa"]
    name, *options = json.loads(command[1])
    known = {option for parameter in cli.commands[name].params for option in parameter.opts}
    assert {option for option in options if option.startswith("--")} <= known


@pytest.mark.parametrize("extra", re.findall(r"'\.\[([a-z,]+)\]'", TEXT)[0].split(","))
def test_the_extras_that_are_installed_exist(extra: str) -> None:
    assert re.search(rf"^{extra} = \[", (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)
