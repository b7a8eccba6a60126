"""Compiles the Java sources of this folder into ``ragqa.jar``; only developers need it, and a JDK of version 21 on.

The jar holds the hash of the sources that it was made from, so that a test tells when it is out of date.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from ragqa.errors import BackendError, SourceError
from ragqa.index.jar import FOLDER, JAR
from ragqa.index.java import MINIMUM_VERSION, lucene_jar

SOURCES_ENTRY = "META-INF/sources.sha256"


def sources_hash() -> str:
    """Hash of the Java sources."""
    digest = hashlib.sha256()
    for path in sorted(FOLDER.glob("*.java")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def compile_jar(target: Path = JAR) -> None:
    """Compile the sources into ``target``; the same sources and compiler give the same bytes.

    Raises
    ------
    BackendError
        There is no ``javac`` of a version that will do.
    SourceError
        It refused the sources.
    """
    compiler = _compiler()
    with tempfile.TemporaryDirectory() as folder:
        options = ["-Xlint:-classfile", "--release", str(MINIMUM_VERSION), "-g:none", "-cp", str(lucene_jar())]
        sources = [str(path) for path in sorted(FOLDER.glob("*.java"))]
        done = subprocess.run([compiler, *options, "-d", folder, *sources], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SourceError(f"{compiler} refused the sources in {FOLDER}: {done.stderr.strip()[:2000]}")
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as jar:
            # ZipInfo's fixed date keeps the jar the same from build to build.
            for path in sorted(Path(folder).rglob("*.class")):
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
                jar.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
            jar.writestr(zipfile.ZipInfo(SOURCES_ENTRY), sources_hash())


def _compiler() -> str:
    home = os.environ.get("JAVA_HOME")
    compiler = shutil.which("javac", path=f"{home}/bin" if home else None)
    if compiler is not None:
        told = subprocess.run([compiler, "-version"], capture_output=True, text=True, check=False).stdout
        version = re.search(r"javac (\d+)", told)
        if version and int(version[1]) >= MINIMUM_VERSION:
            return compiler
    raise BackendError(
        f"{compiler or 'no javac'} will not do; set JAVA_HOME to a JDK of version {MINIMUM_VERSION} or newer"
    )


if __name__ == "__main__":
    compile_jar()
