"""The files for those who run a server: units of systemd, rules and dashboard, configurations of proxies."""

import http.server
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from ragqa.cli import cli

SERVICES = Path(__file__).parents[2] / "services"
QUESTION = {"question": "What was the daily dose of tocopherol?"}
NAME = "ragqa.example.org"


def needs(program: str) -> str:
    """The path of a program; the test is skipped where it is not installed."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if path is None:
        pytest.skip(f"needs {program}: apt-get install {program}")
    return path


def expressions() -> Iterator[str]:
    """Every expression of the rules and the dashboard."""
    yield from re.findall(r"expr: (.+)", (SERVICES / "monitoring/ragqa-rules.yml").read_text())
    dashboard = json.loads((SERVICES / "monitoring/grafana-dashboard.json").read_text())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def test_rules_and_dashboard_name_what_the_server_tells(start_server) -> None:
    with start_server("--index", "hostile") as server, server.client() as client:
        client.post("/v1/ask", json=QUESTION).raise_for_status()
        time.sleep(0.2)
        told = client.get("/metrics").text
    names = set(re.findall(r"^(ragqa_\w+?)(?:\{| )", told, re.MULTILINE))
    labels = set(re.findall(r'(\w+)="', told)) | {"job"}

    found = list(expressions())
    assert len(found) > 20
    for expression in found:
        assert set(re.findall(r"\bragqa_\w+", expression)) <= names, expression
        assert set(re.findall(r'(\w+)=~?"', expression)) <= labels, expression
        for grouped in re.findall(r"by \(([^)]*)\)", expression):
            assert set(re.split(r", *", grouped)) <= labels, expression


def test_the_rules_are_sound_and_fire(tmp_path: Path) -> None:
    promtool = needs("promtool")
    rules = SERVICES / "monitoring/ragqa-rules.yml"
    subprocess.run([promtool, "check", "rules", rules], check=True, capture_output=True)
    (tmp_path / "test.yml").write_text(
        f"""
rule_files: [{rules}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {{series: 'up{{job="ragqa"}}', values: '1x10 0x20'}}
      - {{series: 'ragqa_requests_total{{route="/v1/ask", method="POST", status="200"}}', values: '0+60x40'}}
      - {{series: 'ragqa_requests_total{{route="/v1/ask", method="POST", status="503"}}', values: '0+6x40'}}
    alert_rule_test:
      - {{eval_time: 9m, alertname: RagqaIsDown}}
      - {{eval_time: 15m, alertname: RagqaFails}}
      - eval_time: 15m
        alertname: RagqaIsDown
        exp_alerts:
          - exp_labels: {{job: ragqa, severity: page}}
            exp_annotations:
              summary: ragqa does not answer
              what_to_do: systemctl status ragqa; journalctl -u ragqa; ragqa doctor
      - eval_time: 30m
        alertname: RagqaRefuses
        exp_alerts:
          - exp_labels: {{severity: ticket}}
            exp_annotations:
              summary: more than 5 % of the requests find ragqa busy or too slow
              what_to_do: more processor cores, or lower limits for the keys that ask most (ragqa keys list)
"""
    )

    tested = subprocess.run(
        [promtool, "test", "rules", tmp_path / "test.yml"], check=False, capture_output=True, text=True
    )

    assert tested.returncode == 0, tested.stdout + tested.stderr


@pytest.mark.parametrize("unit", sorted(path.name for path in (SERVICES / "systemd").iterdir()))
def test_the_units_are_sound_and_hardened(unit: str, tmp_path: Path) -> None:
    analyze = needs("systemd-analyze")
    program = tmp_path / "ragqa"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for path in (SERVICES / "systemd").iterdir():
        text = path.read_text().replace("/opt/ragqa/.venv/bin/ragqa", str(program))
        (tmp_path / path.name).write_text(text)

    verified = subprocess.run(
        [analyze, "verify", "--man=no", tmp_path / unit], check=False, capture_output=True, text=True
    )
    assert verified.returncode == 0, verified.stderr
    assert unit.partition(".")[0] not in verified.stderr
    if unit.endswith(".service"):
        exposure = ["security", "--offline=true", "--threshold=20", tmp_path / unit]  # of 100
        judged = subprocess.run([analyze, *exposure], check=False, capture_output=True, text=True)
        assert judged.returncode == 0, judged.stdout[-2_000:]


def test_the_units_call_what_there_is() -> None:
    for path in (SERVICES / "systemd").iterdir():
        for command in re.findall(r"bin/ragqa (\w+)", path.read_text()):
            assert command in cli.commands


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of our own for the proxies' name, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    subject = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    command = [needs("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-days", "2", "-out", folder / "ragqa.pem", "-keyout", folder / "ragqa.key"]
    subprocess.run([*command, *subject, *files], check=True, capture_output=True)
    return folder / "ragqa.pem", folder / "ragqa.key"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def nginx(folder: Path, backend: str, port: int, certificate: tuple[Path, Path]) -> list[str | Path]:
    """The command that runs nginx with the configuration of the documentation."""
    text = (SERVICES / "proxies/nginx.conf").read_text()
    for old, new in (
        ("server 127.0.0.1:8000", f"server {backend}"),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("/etc/ssl/ragqa.pem", str(certificate[0])),
        ("/etc/ssl/ragqa.key", str(certificate[1])),
    ):
        assert old in text
        text = text.replace(old, new)
    (folder / "ragqa.conf").write_text(text)
    paths = "".join(f"{kind}_temp_path {folder};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    log = f"error_log {folder}/error.log;pid {folder}/pid;daemon off;"
    http_part = f"http {{access_log off;{paths}include {folder}/ragqa.conf;}}"
    (folder / "nginx.conf").write_text(f"{log}events {{}}\n{http_part}\n")
    return [needs("nginx"), "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"]


def caddy(folder: Path, backend: str, port: int, certificate: tuple[Path, Path]) -> list[str | Path]:
    """The same for Caddy, with the certificate at hand instead of one that it fetches."""
    text = (SERVICES / "proxies/Caddyfile").read_text()
    site, to = "{$RAGQA_SITE:ragqa.example.org} {", "{$RAGQA_BACKEND:127.0.0.1:8000}"
    assert site in text
    assert to in text
    text = text.replace("skip_install_trust", "skip_install_trust\n\tauto_https off")
    text = text.replace(site, f"https://{NAME}:{port} {{\n\ttls {certificate[0]} {certificate[1]}")
    (folder / "Caddyfile").write_text(text.replace(to, backend))
    return [needs("caddy"), "run", "--adapter", "caddyfile", "--config", folder / "Caddyfile"]


def through(port: int, certificate: tuple[Path, Path]) -> httpx.Client:
    """A client that asks a proxy on this machine by the proxy's name."""

    class ByName(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            request.extensions["sni_hostname"] = NAME
            request.url = request.url.copy_with(host="127.0.0.1", port=port)
            return super().handle_request(request)

    trust = ssl.create_default_context(cafile=str(certificate[0]))
    return httpx.Client(base_url=f"https://{NAME}", transport=ByName(verify=trust), timeout=60)


@pytest.mark.parametrize("command", [nginx, caddy])
def test_a_proxy_with_tls_passes_everything_on(
    command: Callable[..., list[str | Path]], start_server, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    options = ("--set", 'security.proxies=["127.0.0.1"]', "--set", f'security.allowed_hosts=["{NAME}"]')
    with start_server("--index", "hostile", *options) as server:
        port = free_port()
        backend = server.address.removeprefix("http://").rstrip("/")
        with (tmp_path / "proxy.log").open("w") as log:
            arguments = command(tmp_path, backend, port, certificate)
            environment = {"HOME": str(tmp_path), "PATH": "/usr/sbin:/usr/bin:/bin"}
            proxy = subprocess.Popen(arguments, stdout=log, stderr=log, env=environment)
        try:
            with through(port, certificate) as client:
                for _ in range(100):
                    try:
                        client.get("/healthz")
                        break
                    except httpx.ConnectError:
                        assert proxy.poll() is None, (tmp_path / "proxy.log").read_text()
                        time.sleep(0.1)
                answer = client.post("/v1/ask", json=QUESTION, headers={"x-forwarded-for": "203.0.113.9"})
                streamed = client.post("/v1/ask", json={**QUESTION, "stream": True})
                long = client.post("/v1/chat/completions", content=b"x" * 9_000_000)
                page = client.get("/")
        finally:
            proxy.terminate()
            proxy.wait(30)
        lines = [line for line in server.log() if line.get("request_id") == answer.headers["x-request-id"]]

    assert answer.status_code == 200, answer.text
    assert answer.json()["question"]["text"] == QUESTION["question"]
    assert streamed.text.count("event: stage") == 3
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert long.status_code == 413
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert [line["client"] for line in lines] == ["127.0.0.1"], "what a client says of its address is not believed"


@pytest.mark.parametrize("command", [nginx, caddy])
def test_a_proxy_does_not_hold_events_back(
    command: Callable[..., list[str | Path]], certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    """A backend that sends one event and waits until the client has it."""
    received = threading.Event()

    class Backend(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            self.wfile.write(b"event: stage\n\n")
            self.wfile.flush()
            if received.wait(20):
                self.wfile.write(b"event: answer\n\n")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend) as backend:
        threading.Thread(target=backend.serve_forever, daemon=True).start()
        port = free_port()
        arguments = command(tmp_path, f"127.0.0.1:{backend.server_port}", port, certificate)
        environment = {"HOME": str(tmp_path), "PATH": "/usr/sbin:/usr/bin:/bin"}
        proxy = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        try:
            with through(port, certificate) as client:
                text = ""
                for _ in range(100):
                    try:
                        with client.stream("GET", "/events") as response:
                            for piece in response.iter_text():
                                text += piece
                                received.set()
                        break
                    except httpx.ConnectError:
                        time.sleep(0.1)
        finally:
            proxy.terminate()
            proxy.wait(30)
            backend.shutdown()

    assert text == "event: stage\n\nevent: answer\n\n"


def test_the_settings_file_of_the_documentation_is_read() -> None:
    assert tomllib.loads((SERVICES / "server.toml").read_text())["security"]["keys_file"] == "services/keys.toml"
