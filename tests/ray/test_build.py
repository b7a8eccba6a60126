"""What a cluster builds is what one machine builds, whatever becomes of its nodes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ragqa
from ragqa import products
from ragqa.cli import run
from ragqa.errors import BackendError, UsageError
from ragqa.index.encoder import DESCRIPTION, Encoder
from ragqa.index.encoding import passage_of
from ragqa.manifest import exclusive
from ragqa.ray.cluster import connected
from ragqa.ray.encode import STAGE, EncodeOnRay, files_of

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BEIR folder with 3,000 documents, of which every fifth repeats an earlier one, and some have no text."""
    folder = tmp_path_factory.mktemp("texts") / "beir"
    folder.mkdir()
    rows = []
    for number in range(3000):
        kept = number - (number % 5 == 0)
        text = f"trial {kept} of the statin {'long ' * (kept % 40)}"
        rows.append({"_id": f"d{number}", "title": "", "text": "" if number % 701 == 0 else text})
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "queries.jsonl").write_text("")
    return folder


@pytest.fixture(scope="module")
def home_of_one(texts: Path, tiny_model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home where one machine built the index."""
    home = tmp_path_factory.mktemp("one-machine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGQA_HOME", str(home))
        _build(texts, tiny_model)
    return home


@pytest.fixture(scope="module")
def on_one_machine(home_of_one: Path) -> dict[str, bytes]:
    return _segment_files(home_of_one)


def _settings(tiny_model: Any) -> list[str]:
    return [f"dense.encoder={tiny_model('mean')}", "dense.faiss=flat"]


def _build(texts: Path, tiny_model: Any, progress: Any = None, ahead: Any = None) -> None:
    products.import_corpus("texts", texts, "beir")
    products.build_index("texts", "default", "texts", _settings(tiny_model), progress, ahead=ahead)


def _segment_files(home: Path) -> dict[str, bytes]:
    folder = home / "indexes" / "texts"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.glob("dense-*/*"))}


def test_the_segments_of_a_cluster_are_those_of_one_machine(  # noqa: PLR0917
    ray_cluster: Any, texts: Path, tiny_model: Any, on_one_machine: dict[str, bytes],
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    products.import_corpus("texts", texts, "beir")
    options = [word for setting in _settings(tiny_model) for word in ("--set", setting)]

    command = ["index", "build", "texts", "--recipe", "default", "--ray", ray_cluster.address, *options]

    assert run(command) == 0
    assert f"{STAGE}: 3,000 of 3,000" in capsys.readouterr().err
    assert _segment_files(tmp_path / "home") == on_one_machine
    description = json.loads(next(data for name, data in on_one_machine.items() if name.endswith("dense.json")))
    assert 2300 < description["n_encoded"] < 2500


def test_vectors_that_exist_are_taken_and_only_the_others_encoded_by_the_cluster(  # noqa: PLR0917
    ray_cluster: Any, texts: Path, tiny_model: Any, home_of_one: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Encoder.open(next((home_of_one / "indexes" / "texts").glob("encoder-*")), "")
    given = tmp_path / "given"
    given.mkdir()
    monkeypatch.setenv("RAGQA_HOME", str(home_of_one))
    with products.open_store("texts") as store:
        documents = [document for batch in store.scan() for _, document in batch][::3]
    np.save(given / "vectors.npy", encoder.encode_passages([passage_of(document) for document in documents]))
    (given / "ids.json").write_text(json.dumps([document.id for document in documents]))
    built = []
    for place, more in enumerate(([], ["--ray", ray_cluster.address])):
        monkeypatch.setenv("RAGQA_HOME", str(tmp_path / f"home{place}"))
        products.import_corpus("texts", texts, "beir")
        options = [word for setting in _settings(tiny_model) for word in ("--set", setting)]
        command = ["index", "build", "texts", "--recipe", "default", "--vectors", str(given), *options, *more]
        assert run(command) == 0
        built.append(_segment_files(tmp_path / f"home{place}"))

    assert built[0] == built[1]
    description = json.loads(next(data for name, data in built[1].items() if name.endswith("dense.json")))
    assert description["n_given"] > 600
    assert description["n_encoded"] > 1000


def test_a_node_that_is_lost_costs_nothing_but_its_tasks(
    ray_cluster: Any, texts: Path, tiny_model: Any, on_one_machine: dict[str, bytes], tmp_path: Path
) -> None:
    doomed = [ray_cluster.add_node(num_cpus=1)]

    def progress(stage: str, _done: int, _total: int | None) -> None:
        if stage == STAGE and doomed:
            ray_cluster.remove_node(doomed.pop(), allow_graceful=False)

    with connected(ray_cluster.address) as nodes:
        assert len(nodes) == 3
        _build(texts, tiny_model, progress, EncodeOnRay(nodes))

    assert not doomed
    assert _segment_files(tmp_path / "home") == on_one_machine


def test_encoding_processes_that_are_killed_leave_one_copy_of_the_encoder(home_of_one: Path, tmp_path: Path) -> None:
    encoder = next((home_of_one / "indexes" / "texts").glob("encoder-*"))
    program = (
        "import os, pathlib, signal, sys\n"
        "from ragqa.ray.encode import EncodingActor, files_of\n"
        "EncodingActor(files_of(pathlib.Path(sys.argv[1])), 0).ready()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    (tmp_path / "scratch").mkdir()
    for _ in range(2):
        environment = {**os.environ, "TMPDIR": str(tmp_path / "scratch")}
        done = subprocess.run([sys.executable, "-c", program, str(encoder)], env=environment, check=False)
        assert done.returncode == -signal.SIGKILL

    copies = [path.parent for path in (tmp_path / "scratch").rglob(DESCRIPTION)]
    assert len(copies) == 1
    assert files_of(copies[0]) == files_of(encoder)


def test_a_node_with_another_version_is_refused(
    ray_cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(Path(ragqa.__file__).parent, tmp_path / "old" / "ragqa")
    with (tmp_path / "old" / "ragqa" / "errors.py").open("a") as file:
        file.write("# as it was\n")
    monkeypatch.chdir(tmp_path)  # a node looks for code in the folder of whoever connects, too
    other = ray_cluster.add_node(num_cpus=1, env_vars={"PYTHONPATH": str(tmp_path / "old")})
    try:
        with pytest.raises(BackendError, match="has other sources of ragqa"), connected(ray_cluster.address):
            pass
    finally:
        ray_cluster.remove_node(other, allow_graceful=False)


def test_another_build_of_the_same_name_is_refused(
    ray_cluster: Any, texts: Path, tiny_model: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    products.import_corpus("texts", texts, "beir")
    folder = tmp_path / "home" / "indexes" / "texts"
    folder.mkdir(parents=True)
    options = [word for setting in _settings(tiny_model) for word in ("--set", setting)]

    with exclusive(folder, "build"):
        command = ["index", "build", "texts", "--recipe", "default", "--ray", ray_cluster.address, *options]
        assert run(command) == 1
    assert "another build is at work" in capsys.readouterr().err


def test_an_address_where_nobody_answers_is_told_at_once() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(BackendError, match=r"no Ray cluster answers at .*; start one"), connected(address):
            pass
    assert time.monotonic() - began < 30  # Ray itself would try for minutes


@pytest.mark.parametrize("address", ["", "somewhere", "ray://10.0.0.1:10001", "10.0.0.1:0", ":6379"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="give HOST:PORT"), connected(address):
        pass
