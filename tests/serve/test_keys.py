"""Keys: made, listed, replaced and revoked while a server runs, with an end and with limits of their own."""

import json
import re
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ragqa.cli import run
from ragqa.errors import UsageError
from ragqa.serve import key_file
from ragqa.serve.allowance import Allowances, OverdrawnError
from ragqa.serve.key_file import Key
from ragqa.serve.keys import Keys, Known, RefusedKeyError
from ragqa.serve.ledger import Ledger

QUESTION = {"question": "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"}
MADE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def ragqa_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """``ragqa keys …`` on a file; returns what it printed on stdout."""

    def call(*arguments: str) -> str:
        assert run(["keys", *arguments, "--file", str(tmp_path / "keys.toml")]) == 0
        return capsys.readouterr().out.strip()

    return call


def accepted(keys: Keys, secret: str) -> str | None:
    """The name of a key; None where it is refused."""
    try:
        return keys.known(f"Bearer {secret}").name
    except RefusedKeyError:
        return None


def test_a_key_is_printed_once_and_only_its_hash_is_kept(ragqa_keys: Callable[..., str], tmp_path: Path) -> None:
    secret = ragqa_keys("add", "clinic", "--days", "90", "--per-minute", "10", "--at-once", "2")

    text = (tmp_path / "keys.toml").read_text()
    assert re.fullmatch(r"ragqa_[A-Za-z0-9_-]{43}", secret)
    assert secret not in text
    assert (tmp_path / "keys.toml").stat().st_mode & 0o777 == 0o600
    key = key_file.read(tmp_path / "keys.toml")["clinic"]
    assert (key.per_minute, key.at_once) == (10, 2)
    assert key.expires is not None
    assert key.expires - key.created == timedelta(days=90)
    assert accepted(Keys(tmp_path / "keys.toml"), secret) == "clinic"


def test_changes_hold_without_opening_the_file_again(ragqa_keys: Callable[..., str], tmp_path: Path) -> None:
    first = ragqa_keys("add", "clinic")
    keys = Keys(tmp_path / "keys.toml")

    second = ragqa_keys("add", "library")
    assert (accepted(keys, first), accepted(keys, second)) == ("clinic", "library")

    third = ragqa_keys("rotate", "clinic", "--keep-hours", "1")
    assert (accepted(keys, first), accepted(keys, third)) == ("clinic", "clinic")

    ragqa_keys("rotate", "library", "--keep-hours", "0")
    assert accepted(keys, second) is None

    ragqa_keys("revoke", "clinic")
    assert (accepted(keys, first), accepted(keys, third)) == (None, None)
    ragqa_keys("revoke", "library")
    assert keys, "without any key left, keys are asked for still"


def test_keys_end(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    path = tmp_path / "keys.toml"
    key_file.write(
        path,
        {
            "past": Key(key_file.digest("past"), MADE, expires=now - timedelta(seconds=1)),
            "future": Key(key_file.digest("future"), MADE, expires=now + timedelta(minutes=5)),
            "changed": Key(
                key_file.digest("changed"), MADE, old_sha256=key_file.digest("before"), old_until=now - timedelta(1)
            ),
        },
    )
    keys = Keys(path)

    assert [accepted(keys, secret) for secret in ("past", "future", "changed", "before", "")] == [
        None,
        "future",
        "changed",
        None,
        None,
    ]
    with pytest.raises(RefusedKeyError, match="the time of this key is over"):
        keys.known("Bearer past")


def test_a_file_that_is_broken_later_changes_nothing_and_one_that_is_gone_lets_nobody_in(
    ragqa_keys: Callable[..., str], tmp_path: Path
) -> None:
    secret = ragqa_keys("add", "clinic")
    path = tmp_path / "keys.toml"
    keys = Keys(path)

    before = path.read_text()
    path.write_text("[clinic")
    assert accepted(keys, secret) == "clinic"
    path.write_text(before)
    path.chmod(0o644)
    assert accepted(keys, secret) == "clinic"

    path.unlink()
    assert accepted(keys, secret) is None
    assert keys


def test_a_server_that_began_without_keys_asks_for_them_once_there_are_some(
    ragqa_keys: Callable[..., str], tmp_path: Path
) -> None:
    keys = Keys(tmp_path / "keys.toml")
    assert not keys

    ragqa_keys("add", "clinic")

    assert keys


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        (None, 0, "ragqa keys add"),
        ("x", 0o600, "not TOML"),
        ("sha256 = 'x'", 0o600, r"below a line \[NAME\]"),
        ("[a]\nsha256 = 'x'\ncreated = 2026-01-01T00:00:00Z", 0o600, "sha256"),
        ("[a]\ncreated = 2026-01-01T00:00:00Z", 0o600, "sha256"),
        ("[a]\nsha256 = ''\ncreated = 2026-01-01T00:00:00", 0o600, "created"),
        ("[a]\nsha265 = ''", 0o600, "did you mean 'sha256'"),
        ("['a b']\nsha256 = ''\ncreated = 2026-01-01T00:00:00Z", 0o600, "'a b', which is no name"),
        ("", 0o604, "chmod 600"),
        ("", 0o660, "chmod 600"),
    ],
)
def test_wrong_key_files_are_refused(content: str | None, mode: int, message: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)

    with pytest.raises(UsageError, match=message):
        key_file.read(path)


def test_an_empty_hash_is_nobodys_key(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    key_file.write(path, {"clinic": Key(key_file.digest("a key"), MADE)})

    assert [accepted(Keys(path), secret) for secret in ("", " ", "a key")] == [None, None, "clinic"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "two words"], "not a name for a key"),
        (["add", "clinic"], "ragqa keys rotate clinic"),
        (["revoke", "clinc"], "did you mean 'clinic'"),
        (["rotate", "clinc"], "did you mean 'clinic'"),
        (["add", "x", "--per-minute", "0"], "per-minute"),
    ],
)
def test_wrong_commands_are_told(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key_file.write(tmp_path / "keys.toml", {"clinic": Key(key_file.digest("a key"), MADE)})

    assert run(["keys", *arguments, "--file", str(tmp_path / "keys.toml")]) == 2
    assert message in capsys.readouterr().err


def test_keys_are_listed_without_their_hashes(ragqa_keys: Callable[..., str], tmp_path: Path) -> None:
    ragqa_keys("add", "clinic", "--days", "1")
    ragqa_keys("add", "old", "--days", "0.000001")

    listed = json.loads(ragqa_keys("list", "--json"))["keys"]

    assert [(key["name"], key["state"]) for key in listed] == [("clinic", "accepted"), ("old", "expired")]
    assert key_file.read(tmp_path / "keys.toml")["clinic"].sha256 not in json.dumps(listed)


def test_programs_that_make_keys_at_once_lose_none(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"

    def one(number: int) -> None:
        key_file.add(path, f"key{number}", days=None, per_minute=1, at_once=1)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(one, range(24)))

    assert len(key_file.read(path)) == 24


def test_a_key_has_its_requests_a_minute_and_at_once() -> None:
    now = 0.0
    allowances = Allowances(Ledger(), lambda: now)
    known = Known("clinic", Key("", MADE, per_minute=6, at_once=2))

    for _ in range(5):
        with allowances.request(known):
            pass
    with allowances.request(known), pytest.raises(OverdrawnError, match="6 times a minute") as caught:
        allowances.request(known).__enter__()
    assert caught.value.retry_after_seconds == 10

    now = 20.0
    with allowances.request(known), allowances.request(known):
        now = 60.0
        with pytest.raises(OverdrawnError, match="2 requests under way"):
            allowances.request(known).__enter__()
    now = 10_000.0
    for _ in range(6):
        with allowances.request(known):
            pass
    with pytest.raises(OverdrawnError, match="6 times a minute"):
        allowances.request(known).__enter__()


@pytest.fixture(scope="module")
def keyed_server(start_server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple]:
    """A server with two threads, and its keys file."""
    path = tmp_path_factory.mktemp("keyed") / "keys.toml"
    key_file.write(path, {"first": Key(key_file.digest("first"), MADE)})
    # Where other programs keep the cores, the last of twelve in a line would be refused for waiting half a minute.
    patient = ("--set", "limits.threads=2", "--set", "limits.request_seconds=110")
    with start_server("--keys-file", str(path), *patient) as server:
        yield server, path


def status(server, secret: str, method: str = "GET", path: str = "/v1/indexes") -> int:
    with server.client(headers={"authorization": f"Bearer {secret}"}) as client:
        return client.request(method, path).status_code


def test_a_running_server_follows_its_keys(keyed_server) -> None:
    server, path = keyed_server
    assert [status(server, "first"), status(server, "none")] == [200, 401]

    made = key_file.add(path, "second", days=1, per_minute=100, at_once=4)
    assert [status(server, "first"), status(server, made)] == [200, 200]

    key_file.revoke(path, "second")
    assert [status(server, "first"), status(server, made)] == [200, 401]


def test_a_key_that_is_overdrawn_is_told_when_to_come_back(keyed_server) -> None:
    server, path = keyed_server
    secret = key_file.add(path, "poor", days=None, per_minute=3, at_once=4)
    with server.client(headers={"authorization": f"Bearer {secret}"}) as client:
        responses = [client.get("/v1/models") for _ in range(4)]

    assert [response.status_code for response in responses] == [200, 200, 200, 429]
    assert 1 <= int(responses[3].headers["retry-after"]) <= 20
    assert "'poor' may ask 3 times a minute" in responses[3].json()["detail"]
    assert status(server, "first") == 200


def test_a_greedy_key_does_not_make_another_wait_in_its_line(keyed_server) -> None:
    """The middle time of a question of one key, alone and while another asks from 12 clients at once."""
    server, path = keyed_server
    greedy = key_file.add(path, "greedy", days=None, per_minute=100_000, at_once=12)
    patient = key_file.add(path, "patient", days=None, per_minute=100_000, at_once=12)
    ended = threading.Event()
    answered: list[int] = []

    def ask_on() -> None:
        with server.client(headers={"authorization": f"Bearer {greedy}"}) as client:
            while not ended.is_set():
                answered.append(client.post("/v1/ask", json=QUESTION).status_code)

    def seconds_of_patient() -> list[float]:
        seconds = []
        with server.client(headers={"authorization": f"Bearer {patient}"}) as client:
            for _ in range(20):
                began = time.perf_counter()
                client.post("/v1/ask", json=QUESTION).raise_for_status()
                seconds.append(time.perf_counter() - began)
        return seconds

    seconds_of_patient()
    alone = seconds_of_patient()
    with ThreadPoolExecutor(12) as threads:
        for _ in range(12):
            threads.submit(ask_on)
        time.sleep(0.5)
        try:
            beside = seconds_of_patient()
        finally:
            ended.set()

    assert set(answered) == {200}
    assert len(answered) > len(beside) / 2, "the greedy one is served, too"
    # In one line with the 12 others it would wait for six answers of theirs, each of which takes twice as long beside
    # another on two cores: twelve times the time that it takes alone.
    assert statistics.median(beside) < 5 * statistics.median(alone)
