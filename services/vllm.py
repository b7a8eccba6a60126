#!/usr/bin/env python3
"""Install vLLM into an environment of its own, start it with a model, and say what is wrong when it does not answer.

Usage: services/vllm.py serve MODEL [--port 8001] [--cpu] [--env FOLDER] [-- MORE VLLM ARGUMENTS]
       services/vllm.py install [--cpu] [--env FOLDER]

It needs nothing but Python 3.11: vLLM pins versions of transformers, FastAPI and others that ragqa must not share.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
NOT_FOR_TEXT = ("torchvision", "torchaudio", "torchcodec")
STRUCTURED = {"backend": "xgrammar", "disable_any_whitespace": True}
"""Without white space between its tokens JSON cannot run on in blanks until the limit, as weak models let it."""
CPU_KV_CACHE_GIB = "4"
CPU_ARGUMENTS = ("--no-enable-chunked-prefill",)
"""A seeded request whose prompt is read in several steps ends vLLM 0.32 on a CPU ("CPU Generator does not use
offset"); read in one step it does not."""

CAUSES = (
    (r"address already in use|port .* is already in use", "the port is taken; choose another with PORT=…"),
    (
        r"out of memory|OutOfMemoryError|No available memory for the cache blocks|Free memory on device",
        "the memory does not suffice; serve a smaller or quantised model, or pass --max-model-len or "
        "--gpu-memory-utilization after --",
    ),
    (
        r"CPU KV cache|VLLM_CPU_KVCACHE_SPACE",
        "the key-value cache does not fit; set VLLM_CPU_KVCACHE_SPACE to fewer GiB",
    ),
    (
        r"is not a local folder|RepositoryNotFound|LocalEntryNotFound|couldn't connect|offline mode|"
        r"Repo id must|does not appear to have a file named",
        "the model was not found; give a folder with the model's files, or a name on the hub while it can be reached",
    ),
    (r"gated repo|401 Client Error", "the model's licence must be accepted on the hub; then set HF_TOKEN"),
    (
        r"max_model_len .* is greater than|larger than the maximum number of tokens",
        "pass a smaller --max-model-len after --",
    ),
    (r"No CUDA GPUs|CUDA driver|libcuda|Failed to infer device type", "there is no usable NVIDIA GPU; use CPU=1"),
    (r"head size|head_size", "this model's attention head size is not supported here; take another model"),
    (r"No module named", "the environment is broken; delete it and run this again"),
)


def main() -> int:
    """Run the command line; the exit code is 0 when the server was stopped on purpose."""
    own, extra = _split(sys.argv[1:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("install", "serve"):
        command = commands.add_parser(name)
        command.add_argument("--cpu", action="store_true", help="the build for machines without a GPU")
        command.add_argument("--env", type=Path, default=None, help="environment; default RAGQA_VLLM, else .venv-vllm")
        if name == "serve":
            command.add_argument("model", help="a folder, or a name on the model hub")
            command.add_argument("--name", default=None, help="the name to serve it by; default: as given")
            command.add_argument("--host", default="127.0.0.1")
            command.add_argument("--port", type=int, default=8001)
            command.add_argument("--wait", type=float, default=1800.0, help="seconds until it must answer")
            command.add_argument("--log", type=Path, default=None, help="also write the server's output here")
    arguments = parser.parse_args(own)
    environment = (arguments.env or Path(os.environ.get("RAGQA_VLLM") or ROOT / ".venv-vllm")).absolute()
    install(environment, cpu=arguments.cpu)
    if arguments.command == "install":
        return 0
    return serve(arguments, environment, extra)


def install(environment: Path, *, cpu: bool) -> None:
    """Make the environment, unless it is there and was made from the same requirements."""
    requirements = HERE / ("vllm-cpu.txt" if cpu else "vllm-gpu.txt")
    mark = environment / ".ragqa-vllm"
    made_from = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if mark.is_file() and mark.read_text() == made_from:
        return
    say(f"installing {requirements.name} into {environment}: several GB, a few minutes")
    shutil.rmtree(environment, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(environment)])
    pip = [str(environment / "bin" / "pip"), "--quiet", "--disable-pip-version-check"]
    _run([*pip, "install", "--requirement", str(requirements)])
    if cpu:
        _run([*pip, "uninstall", "--yes", *NOT_FOR_TEXT])
    mark.write_text(made_from)


def serve(arguments: argparse.Namespace, environment: Path, extra: list[str]) -> int:
    """Start the server, wait until it answers, and stay until it ends."""
    command = [
        str(environment / "bin" / "python"), "-m", "vllm.entrypoints.openai.api_server",
        "--model", arguments.model, "--served-model-name", arguments.name or arguments.model,
        "--host", arguments.host, "--port", str(arguments.port),
        "--enable-prefix-caching", "--structured-outputs-config", json.dumps(STRUCTURED),
        *(CPU_ARGUMENTS if arguments.cpu else ()), *extra,
    ]  # fmt: skip
    variables = {**os.environ, "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    variables["PATH"] = f"{environment / 'bin'}{os.pathsep}{variables.get('PATH', '')}"
    if arguments.cpu:
        variables.setdefault("VLLM_CPU_KVCACHE_SPACE", CPU_KV_CACHE_GIB)
    server = subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        start_new_session=True,
    )  # fmt: skip
    stopped = threading.Event()

    def stop(*_: object) -> None:
        stopped.set()
        _signal(server, signal.SIGTERM)

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    tail: list[str] = []
    reader = threading.Thread(target=_follow, args=(server, tail, arguments.log), daemon=True)
    reader.start()
    url = f"http://{arguments.host}:{arguments.port}"
    began = time.monotonic()
    while server.poll() is None and not stopped.is_set():
        if _answers(url):
            say(f"ready after {time.monotonic() - began:.0f} s: answer.chat.base_url = {url}/v1 (stop with Ctrl+C)")
            break
        if time.monotonic() - began > arguments.wait:
            say(f"it did not answer at {url} within {arguments.wait:.0f} s; {explain(tail)}")
            _signal(server, signal.SIGKILL)
            return 1
        time.sleep(0.5)
    code = server.wait()
    reader.join(timeout=5)
    if stopped.is_set():
        return 0
    say(f"vLLM ended with status {code}: {explain(tail)}")
    return 1


def explain(lines: list[str]) -> str:
    """The likely cause in the server's last lines, and the line that tells it."""
    for pattern, advice in CAUSES:
        for line in reversed(lines):
            if re.search(pattern, line, re.IGNORECASE):
                return f"{advice} [{line.strip()[-200:]}]"
    errors = [line for line in lines if "Error" in line]
    return f"its last error was: {errors[-1].strip()[-300:]}" if errors else "see its output above"


def say(message: str) -> None:
    """One line on stderr."""
    sys.stderr.write(f"vllm: {message}\n")
    sys.stderr.flush()


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The arguments before and after ``--``."""
    if "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


def _run(command: list[str]) -> None:
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode:
        say(f"{' '.join(command)} failed: {result.stderr.strip()[-1500:]}")
        raise SystemExit(1)


def _follow(server: "subprocess.Popen[str]", tail: list[str], log: Path | None) -> None:
    """Pass the server's output on, and keep its last lines."""
    target = log.open("a", encoding="utf-8") if log else None
    for line in server.stdout or ():
        tail.append(line)
        del tail[:-400]
        (target or sys.stdout).write(line)
        (target or sys.stdout).flush()
    if target:
        target.close()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as reply:  # noqa: S310 - http only
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _signal(server: "subprocess.Popen[str]", which: signal.Signals) -> None:
    """To the server and the processes that it started."""
    try:
        os.killpg(server.pid, which)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    sys.exit(main())
