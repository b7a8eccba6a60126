"""Finished indexes with their corpora, put into an object store and brought from there to machines that serve.

A store holds each file once, named by its hash (``files/3f/3f2a…``), and for each index ``indexes/NAME.json``: which
files it consists of. That is written last, so that a reader of the store sees the index before or the one after.
On the other side each file is compared with its hash before it gets its name, and the manifest of the index comes last.
"""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ragqa import home, products
from ragqa.corpus.kept import remove_unneeded, set_aside
from ragqa.corpus.part import RECORD_FILE, read_part_record
from ragqa.corpus.state import PARTS_FOLDER, STATE_FILE, STATES_FOLDER, CorpusState, CurrentState, state_path
from ragqa.errors import BackendError, ProductError
from ragqa.index.folder import MANIFEST_FILE, read_manifest, remove_all_but
from ragqa.manifest import (
    exclusive,
    file_hash,
    hash_files,
    read_json,
    read_sealed,
    sync_folder,
    write_sealed,
)
from ragqa.scratch import held_folder
from ragqa.stores import PIECE_BYTES, check_address, connect, pieces, told
from ragqa.types import Progress, no_progress

STAGE = "files"
_WITHOUT_FOLDERS = {"s3", "gcs", "abfs"}
"""Stores in which a file is there when all of it is, and folders are but names."""


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file of a published index: its path under ``RAGQA_HOME``, sha256 and size."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Published:
    """``indexes/NAME.json`` of a store.

    Attributes
    ----------
    corpus
        The corpus that the index was built from.
    state
        The state of the corpus.
    files
        All files, in the order in which they are put in place.
    """

    name: str
    corpus: str
    state: str
    files: tuple[PublishedFile, ...]


@dataclass(frozen=True, slots=True)
class TransferReport:
    """How many files an index has, and how many of them, and bytes, had to be sent or fetched."""

    name: str
    n_files: int
    n_sent: int
    n_bytes: int


def push_index(name: str, address: str, progress: Progress | None = None) -> TransferReport:
    """Put the index ``name``, with the state of the corpus that it was built from, into a store.

    Parameters
    ----------
    address
        A folder of the store, ``s3://bucket/folder``, which may hold other indexes, too.
    progress
        Told ``"files"`` after each file.

    Raises
    ------
    UsageError
        There is no such index, or the address is none.
    ProductError
        The index or the corpus is being built, is damaged, or the corpus has a newer state.
    BackendError
        The store does not answer or refuses.
    """
    target = _Store(address)
    report = progress or no_progress
    folder = products.product_folder("indexes", name)
    corpus = products.index_manifest(name).inputs["corpus"]
    parts = products.product_folder("corpora", corpus) / PARTS_FOLDER
    with exclusive(folder, "build"), exclusive(parts, "build"):
        published = _published(name)
        there = target.sizes()
        n_sent = n_bytes = 0
        for place, file in enumerate(published.files):
            if there.get(_blob(file.sha256)) != file.size_bytes:
                path = home.home() / file.path
                if file_hash(path) != file.sha256:
                    raise ProductError(f"{path} is damaged; run: ragqa index verify {name}")
                target.put(path, _blob(file.sha256))
                there[_blob(file.sha256)] = file.size_bytes
                n_sent, n_bytes = n_sent + 1, n_bytes + file.size_bytes
            report(STAGE, place + 1, len(published.files))
        with held_folder("transfers") as temporary:
            write_sealed(temporary / "listing", published)
            target.put(temporary / "listing", _listing(name))
    return TransferReport(name, len(published.files), n_sent, n_bytes)


def pull_index(name: str, address: str, progress: Progress | None = None) -> TransferReport:
    """Bring the index ``name`` and its corpus from a store, and put them in force; only what is missing is fetched.

    What was in force before stays so until all files are there, and what a reader holds stays until it lets go.

    Parameters
    ----------
    address, progress
        As for :func:`push_index`.

    Raises
    ------
    UsageError
        The address is none, or ``name`` cannot be a name.
    ProductError
        The index is being built here, or what the store holds is damaged.
    BackendError
        The store does not answer or refuses, or the disk is full.
    """
    source = _Store(address)
    report = progress or no_progress
    folder = home.product_path("indexes", name)
    published = source.published(name)
    corpus = home.product_path("corpora", published.corpus)
    n_sent = n_bytes = 0
    with _disk_told(), contextlib.ExitStack() as stack:
        for locked in (folder, corpus / PARTS_FOLDER):
            locked.mkdir(parents=True, exist_ok=True)
            stack.enter_context(exclusive(locked, "build"))
        for place, file in enumerate(published.files):
            path = home.home() / file.path
            if not (path.is_file() and path.stat().st_size == file.size_bytes and file_hash(path) == file.sha256):
                source.get(file, path)
                n_sent, n_bytes = n_sent + 1, n_bytes + file.size_bytes
            report(STAGE, place + 1, len(published.files))
        names = read_manifest(folder).counts["components"].values()
        remove_all_but(folder, {component for of_kind in names for component in of_kind})
        remove_unneeded(corpus, {published.state, *products.pinned_states(published.corpus)})
    return TransferReport(name, len(published.files), n_sent, n_bytes)


def _published(name: str) -> Published:
    """What an index consists of, as it is now."""
    built = products.index_manifest(name)
    corpus, state_hash = built.inputs["corpus"], built.inputs["corpus_state"]
    folder = products.product_folder("corpora", corpus)
    if read_json(folder / STATE_FILE, CurrentState, f"run: ragqa corpus build {corpus}").state_hash != state_hash:
        raise ProductError(
            f"the corpus {corpus!r} is newer than the index {name!r}; run: ragqa index update {name}, and push again"
        )
    hashes = {f"indexes/{name}/{path}": digest for path, digest in built.files.items()}
    hashes |= _of_corpus(corpus, folder, state_hash)
    last = [
        state_path(folder, state_hash).relative_to(home.home()),
        Path("corpora", corpus, STATE_FILE),
        Path("corpora", corpus, MANIFEST_FILE),
        Path("indexes", name, MANIFEST_FILE),
    ]
    hashes |= {path.as_posix(): file_hash(home.home() / path) for path in last}
    files = tuple(PublishedFile(path, digest, _size(path, name)) for path, digest in hashes.items())
    return Published(name, corpus, state_hash, files)


def _of_corpus(corpus: str, folder: Path, state_hash: str) -> dict[str, str]:
    """Path under the home → sha256 of what a state of a corpus needs, the record of each part after its files."""
    again = f"run: ragqa corpus build {corpus}"
    state = read_sealed(state_path(folder, state_hash), CorpusState, again)
    parts = folder / PARTS_FOLDER
    found: dict[str, str] = {}
    for entry in state.parts:
        record = read_part_record(parts / entry.folder, again)
        found |= {f"{entry.folder}/{file}": digest for file, digest in record.files.items()}
        found[f"{entry.folder}/{RECORD_FILE}"] = file_hash(parts / entry.folder / RECORD_FILE)
    found |= {f"{state.rows_folder}/{file}": digest for file, digest in hash_files(parts / state.rows_folder).items()}
    if state.mesh:
        found[state.mesh] = file_hash(parts / state.mesh)
    return {f"corpora/{corpus}/{PARTS_FOLDER}/{path}": digest for path, digest in found.items()}


def _size(path: str, name: str) -> int:
    try:
        return (home.home() / path).stat().st_size
    except OSError as error:
        raise ProductError(f"{path} is missing ({error.strerror}); run: ragqa index build {name}") from error


def _blob(sha256: str) -> str:
    return f"files/{sha256[:2]}/{sha256}"


def _listing(name: str) -> str:
    return f"indexes/{name}.json"


class _Store:
    """A folder of a store."""

    def __init__(self, address: str) -> None:
        check_address(address)
        root, _, self._options = address.partition("?")
        self._root = root.rstrip("/")

    def sizes(self) -> dict[str, int]:
        """The files that are there under ``files/``, and their sizes."""
        from pyarrow import fs

        with told(self._root, "list", BackendError):
            store, path = connect(self._root, self._options)
            entries = store.get_file_info(fs.FileSelector(f"{path}/files", allow_not_found=True, recursive=True))
        return {entry.path[len(path) + 1 :]: int(entry.size) for entry in entries if entry.is_file}

    def put(self, path: Path, name: str) -> None:
        """Send a file, which is there under its name when all of it is."""
        with told(f"{self._root}/{name}", "write", BackendError):
            store, root = connect(self._root, self._options)
            whole = f"{root}/{name}"
            landing = whole if store.type_name in _WITHOUT_FOLDERS else f"{whole}.{secrets.token_hex(4)}"
            if landing != whole:
                store.create_dir(str(PurePosixPath(whole).parent), recursive=True)
            with path.open("rb") as file, store.open_output_stream(landing, compression=None) as stream:
                while piece := file.read(PIECE_BYTES):
                    stream.write(piece)
            if landing != whole:
                store.move(landing, whole)

    def published(self, name: str) -> Published:
        """What a published index consists of."""
        address = f"{self._root}/{_listing(name)}"
        with held_folder("transfers") as folder:
            path = folder / "listing"
            path.write_bytes(b"".join(pieces(address, self._options, BackendError)))
            try:
                found = read_sealed(path, Published, "")
            except ProductError as error:
                raise ProductError(f"{address} is damaged or of another ragqa; push the index again") from error
        home.product_path("corpora", found.corpus)
        under = (f"indexes/{name}/", f"corpora/{found.corpus}/")
        for file in found.files:
            if not file.path.startswith(under) or ".." in file.path.split("/"):
                raise ProductError(f"{address} names {file.path!r}, which is no place of an index; push it again")
        return found

    def get(self, file: PublishedFile, path: Path) -> None:
        """Fetch a file, which gets its name here when it is whole."""
        address = f"{self._root}/{_blob(file.sha256)}"
        path.parent.mkdir(parents=True, exist_ok=True)
        landing = path.with_name(f".{path.name}.pulled")
        digest = hashlib.sha256()
        try:
            with landing.open("wb") as target:
                for piece in pieces(address, self._options, BackendError):
                    digest.update(piece)
                    target.write(piece)
                target.flush()
                os.fsync(target.fileno())
            if digest.hexdigest() != file.sha256:
                raise ProductError(f"{address} is damaged: it has another hash; remove it there, and push again")
            if path.parent.name == STATES_FOLDER:
                set_aside(path)
            landing.replace(path)
            sync_folder(path.parent)
        finally:
            landing.unlink(missing_ok=True)


@contextlib.contextmanager
def _disk_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackendError(
            f"cannot write to {home.home()} ({error.strerror or error}); free some disk, or let RAGQA_HOME name a "
            "folder that can be written to, and run the same command again: what is fetched is kept"
        ) from error
