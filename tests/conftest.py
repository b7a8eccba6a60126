"""What all tests share: a home of their own, no network beyond this machine, and where real data lies."""

import os
import socket
from pathlib import Path

import pytest

_real_connect = socket.socket.connect


def _connect_to_this_machine_only(self: socket.socket, address: object) -> None:
    if isinstance(address, tuple) and not str(address[0]).startswith("127.") and address[0] not in {"localhost", "::1"}:
        raise OSError(f"tests must not reach the network: {address}")
    _real_connect(self, address)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Products land in a folder of the test's own, and nothing leaves this machine."""
    monkeypatch.setenv("RAGQA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(socket.socket, "connect", _connect_to_this_machine_only)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with real data that ``RAGQA_TEST_DATA`` names; the test is skipped where it is not set."""
    folder = os.environ.get("RAGQA_TEST_DATA")
    if not folder:
        pytest.skip("RAGQA_TEST_DATA is not set; this test reads real data that ragqa does not ship")
    path = Path(folder)
    if not path.is_dir():
        pytest.fail(f"RAGQA_TEST_DATA={folder} is not a folder")
    return path


@pytest.fixture(scope="session")
def built_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the sample corpus and its index, built once for all tests, which must not change it."""
    from ragqa import products

    folder = tmp_path_factory.mktemp("sample-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGQA_HOME", str(folder))
        products.build_index("sample")
    return folder


@pytest.fixture
def sample_home(built_sample: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home with the built sample, in force for one test that only reads it."""
    monkeypatch.setenv("RAGQA_HOME", str(built_sample))
    return built_sample
