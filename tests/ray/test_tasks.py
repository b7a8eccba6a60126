"""Parts and segments that nodes make are those of one machine, and errors name the node."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragqa import products
from ragqa.cli import run
from ragqa.engine import Engine
from ragqa.errors import BackendError
from ragqa.index.pieces import PIECES_FOLDER
from ragqa.ray import tasks
from ragqa.ray.cluster import Node, connected, installation
from ragqa.ray.tasks import Mark, TasksOnRay, marked, out_of_reach

pytestmark = pytest.mark.timeout(300)

_WORDS = "statin trial heart failure aspirin insulin glucose placebo stroke lung asthma women kidney dose".split()  # noqa: SIM905
_QUESTIONS = ["aspirin or placebo after stroke", "insulin dose", "women with asthma", "only1 kidney", "unheard of"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three files of 900 documents, the last of which revises some of the first."""
    folder = tmp_path_factory.mktemp("source")
    random = np.random.default_rng(5)
    for part in range(3):
        lines = []
        for number in range(900):
            of = 0 if part == 2 and number % 9 == 0 else part
            text = " ".join([*random.choice(_WORDS, int(random.integers(3, 30))), f"only{part}", f"w{number % 50}"])
            lines.append({"id": f"{of}-{number}", "title": f"Randomised Trial (RT) {number}", "abstract": text})
        (folder / f"part{part}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def _recipes(home: Path, source: Path | str) -> None:
    (home / "corpora").mkdir(parents=True)
    (home / "corpora" / "texts.toml").write_text(f'format = "jsonl"\nsources = ["{source}"]\n')


@pytest.fixture(scope="module")
def alone(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home where one machine built the corpus, and indexes of one and of two segments."""
    home = tmp_path_factory.mktemp("alone")
    _recipes(home, source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGQA_HOME", str(home))
        for segments in (1, 2):
            products.build_index(f"of{segments}", "bm25-anserini", "texts", (f"segments={segments}",))
    return home


def _files(folder: Path, pattern: str) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob(pattern)) if path.is_file()}


def _found(name: str) -> list[list[tuple[str, float]]]:
    with Engine.open(name) as engine:
        return [[(hit.document_id, hit.score) for hit in hits] for hits in engine.search_batch(_QUESTIONS, 100)]


def test_the_parts_of_a_cluster_are_those_of_one_machine(
    ray_cluster: Any, source: Path, alone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    _recipes(home, source)

    assert run(["corpus", "build", "texts", "--ray", ray_cluster.address]) == 0
    assert "sources: 3 of 3" in capsys.readouterr().err
    parts = _files(home / "corpora" / "texts", "parts/*/*")
    assert len(parts) > 3 * 6
    assert parts == _files(alone / "corpora" / "texts", "parts/*/*")
    assert _files(home / "corpora" / "texts", "state*") == _files(alone / "corpora" / "texts", "state*")


@pytest.mark.parametrize("segments", [1, 2])
def test_the_words_of_a_cluster_are_those_of_one_machine(  # noqa: PLR0917
    ray_cluster: Any, source: Path, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], segments: int,
) -> None:  # fmt: skip
    home, name = tmp_path / "home", f"of{segments}"
    _recipes(home, source)
    command = [
        "index",
        "build",
        name,
        "--recipe",
        "bm25-anserini",
        "--corpus",
        "texts",
        "--set",
        f"segments={segments}",
    ]

    assert run([*command, "--ray", ray_cluster.address]) == 0
    told = capsys.readouterr().err
    assert "bm25: 2,600 of 2,600" in told
    assert "bm25: put pieces together: 1 of 1" in told
    assert _files(home / "indexes" / name, "lexicon-*/*") == _files(alone / "indexes" / name, "lexicon-*/*")
    assert not (home / "indexes" / name / PIECES_FOLDER).exists()
    assert run(["index", "verify", name]) == 0
    here = _found(name)
    assert len(here[0]) == 100
    monkeypatch.setenv("RAGQA_HOME", str(alone))
    assert here == _found(name)


def test_nodes_fetch_sources_from_an_object_store(  # noqa: PLR0917
    ray_cluster: Any, bucket: Any, s3_server: str, source: Path, alone: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    home = tmp_path / "home"
    for path in source.iterdir():
        with bucket.open_output_stream(f"bucket/pubmed/{path.name}") as file:
            file.write(path.read_bytes())
    _recipes(home, f"s3://bucket/pubmed/*.jsonl?endpoint_override={s3_server}&scheme=http")

    assert run(["corpus", "build", "texts", "--ray", ray_cluster.address]) == 0
    assert _files(home / "corpora" / "texts", "parts/*/*") == _files(alone / "corpora" / "texts", "parts/*/*")

    (home / "corpora" / "texts.toml").write_text(
        f'format = "jsonl"\nsources = ["s3://bucket/pubmed/*?endpoint_override={s3_server}&scheme=http"]\n'
    )
    with bucket.open_output_stream("bucket/pubmed/part3.jsonl") as file:
        file.write(b'{"id": "2", "title": \n')
    assert run(["corpus", "build", "texts", "--ray", ray_cluster.address]) == 1
    told = capsys.readouterr().err
    assert "the node " in told
    assert "s3://bucket/pubmed/part3.jsonl, line 1" in told


def test_a_damaged_source_is_told_with_the_node_that_read_it(
    ray_cluster: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "good.jsonl").write_text('{"id": "1", "title": "A trial"}\n')
    (source / "part.jsonl").write_text('{"id": "2", "title": \n')
    _recipes(tmp_path / "home", source)

    assert run(["corpus", "build", "texts", "--ray", ray_cluster.address]) == 1
    told = capsys.readouterr().err
    assert "the node " in told
    assert "part.jsonl, line 1" in told


def test_a_node_that_joined_later_with_another_version_is_refused(
    ray_cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connected(ray_cluster.address), marked(tmp_path) as mark:
        monkeypatch.setattr(tasks, "installation", lambda: replace(installation(), version="0.0.1"))
        with pytest.raises(BackendError, match=r"the node .* has ragqa .*, this machine 0.0.1; all nodes must have"):
            list(TasksOnRay(mark)(Node, [("", "", 1, 0)]))


def test_a_node_that_does_not_have_the_folder_is_told(ray_cluster: Any, tmp_path: Path) -> None:
    elsewhere = Mark(tmp_path / "not-mounted" / ".reached", "word")
    with connected(ray_cluster.address) as nodes:
        assert out_of_reach(nodes, elsewhere) == list(nodes)
        with pytest.raises(BackendError, match=r"the node .* does not have the folder .*not-mounted; mount it there"):
            list(TasksOnRay(elsewhere)(Node, [("", "", 1, 0)]))
