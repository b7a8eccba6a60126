"""services/operations.md, command by command, in a folder of its own."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ragqa.cli import cli, run

REPOSITORY = Path(__file__).parents[2]
GUIDE = (REPOSITORY / "services/operations.md").read_text()


def commands_below(heading: str) -> list[str]:
    """The commands of the first block below a heading."""
    found = re.search(rf"^## {re.escape(heading)}\n.*?^```sh\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1].strip().splitlines()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def clone(built_sample: Path, tmp_path: Path) -> Path:
    """A folder like a clone in which the sample is built and ragqa is installed."""
    folder = tmp_path / "clone"
    shutil.copytree(built_sample, folder)
    shutil.copytree(REPOSITORY / "services", folder / "services", ignore=shutil.ignore_patterns("keys.toml"))
    (folder / ".venv/bin").mkdir(parents=True)
    program = folder / ".venv/bin/ragqa"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m ragqa "$@"\n')
    program.chmod(0o755)
    return folder


def in_shell(commands: list[str], folder: Path) -> tuple[int, str]:
    """Run commands one after the other, stopping at the first that fails, and then all that they left running."""
    environment = {**os.environ, "RAGQA_HOME": str(folder), "PYTHONPATH": str(REPOSITORY), "HOME": str(folder)}
    script = "\n".join(["set -e", *commands])
    shell = subprocess.Popen(
        ["bash", "-c", script], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert shell.stdout is not None
    try:
        code = shell.wait(240)
    finally:
        with contextlib.suppress(ProcessLookupError):  # none is left
            os.killpg(shell.pid, signal.SIGTERM)
    return code, shell.stdout.read()


def test_from_an_empty_folder_to_tls_and_two_keys(clone: Path) -> None:
    if shutil.which("caddy") is None:
        pytest.skip("needs caddy: apt-get install caddy")
    commands = commands_below("From an empty folder to TLS and two keys")
    assert len(commands) <= 15
    port, site, plain = free_port(), free_port(), free_port()
    commands = [command for command in commands if not re.match("make setup|sudo ", command)]
    text = "\n".join(commands).replace("localhost:8443", f"localhost:{site}")
    text = text.replace("RAGQA_HTTP_PORT=8080", f"RAGQA_HTTP_PORT={plain}")
    text = text.replace("ragqa serve", f"ragqa serve --port {port}")
    text = text.replace("caddy run", f"RAGQA_BACKEND=127.0.0.1:{port} caddy run")
    ready = f"for _ in $(seq 60); do sleep 1; curl -sf 127.0.0.1:{port}/healthz && break; done"
    text = text.replace("sleep 15", ready)

    code, said = in_shell(text.splitlines(), clone)

    assert code == 0, said + (clone / "ragqa.log").read_text() + (clone / "caddy.log").read_text()
    assert '"name":"sample"' in said, "the server answered through TLS"
    assert re.search(r"^clinic\taccepted", said, re.MULTILINE)
    assert re.search(r"^library\taccepted.*\t60\t4$", said, re.MULTILINE)
    assert '"key":"clinic"' in (clone / "ragqa.log").read_text()
    assert (clone / "clinic.key").stat().st_mode & 0o777 == 0o600


def test_the_commands_for_keys_do_what_they_say(clone: Path) -> None:
    code, said = in_shell(commands_below("Keys"), clone)

    assert code == 0, said
    assert len(re.findall(r"^ragqa_\S{43}$", said, re.MULTILINE)) == 2
    assert re.search(r"^ward7\taccepted.*\t60\t4$", said, re.MULTILINE)


def test_a_backup_can_be_restored(clone: Path) -> None:
    code, said = in_shell(commands_below("Backup and restore"), clone)

    assert code == 0, said


def test_the_settings_for_the_service_are_read(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (command,) = [line for line in commands_below("As a service") if line.startswith("printf")]
    written = subprocess.run(command.partition(" | ")[0], shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    (clone / "services/server.toml").write_text(written.stdout)
    monkeypatch.setenv("RAGQA_HOME", str(clone))

    from ragqa.serve.settings import load

    assert load("server").security.proxies == ("127.0.0.1",)


def test_settings_commands_and_files_that_are_named_exist() -> None:
    table = tomllib.loads((REPOSITORY / "services/server.toml").read_text())
    for part, key in re.findall(r"`?\b(limits|security|logs|audit|traces)\.(\w+)\b", GUIDE):
        if (part, key) not in {("audit", "jsonl")}:
            assert key in table[part], f"{part}.{key}"
    for command in re.findall(r"bin/ragqa (\w+)", GUIDE):
        assert command in cli.commands
    for path in re.findall(r"\]\(([^)]+)\)", GUIDE):
        assert (REPOSITORY / "services" / path).exists(), path


def test_a_wrong_sub_command_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "remove", "x"]) == 2
    assert "No such command" in capsys.readouterr().err
