"""Brings the baseline and update files of NLM into the sources of a corpus: each once, checked, in order.

``sources/`` of a corpus holds the files as the mirror lays them out and ``fetched.json``, which names those that are
read. It is switched when a run ends: a baseline is read only when all of it is there, updates up to the first one
that could not be fetched. A run that was killed goes on with what it has.
"""

import logging
import re
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ragqa.corpus.nlm_listing import NlmFile, chosen_year, missing_numbers, nlm_file, offered_files
from ragqa.errors import BackendError, ProductError, SourceError
from ragqa.fetch import Origin, RemoteFile, fetch, origin_path, read_address, size_of
from ragqa.manifest import exclusive, read_json, read_sealed, write_sealed
from ragqa.types import Progress

SOURCES_FOLDER, FETCHED_FILE, MESH_FOLDER = "sources", "fetched.json", "mesh"
_AT_A_TIME = 3
_SAMPLED = 8
"""Files whose sizes are asked before more than so many are fetched."""
_MD5 = re.compile(rb"\b[0-9a-fA-F]{32}\b")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file that was fetched and is read: ``baseline/NAME`` or ``updatefiles/NAME``, its bytes and their hash."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """``fetched.json``: the files that are read, in order, and the numbers that the sequence lacks."""

    files: tuple[FetchedFile, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FetchReport:
    """What a run of :func:`fetch_pubmed` did.

    Attributes
    ----------
    address
        The mirror that was asked.
    new
        Paths of the files that were fetched, in order.
    n_files
        Files that are read from now on.
    n_bytes
        Their size, packed as they are.
    missing
        Numbers that the sequence lacks: the mirror does not have them, or not yet.
    """

    address: str
    new: tuple[str, ...]
    n_files: int
    n_bytes: int
    missing: tuple[str, ...]


def fetch_pubmed(address: str, folder: Path, progress: Progress | None = None) -> FetchReport:
    """Fetch what a mirror has and ``folder``, the ``sources/`` of a corpus, lacks.

    When a new year's baseline is whole, its files take the place of those of the year before, which are removed.

    Raises
    ------
    SourceError
        The mirror cannot be reached, or a file of it not be fetched; what came before that file is kept and read.
    ProductError
        Another run fetches into this folder.
    BackendError
        The disk has no room for what is to come.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(folder, "fetch"):
        before = read_fetched(folder)
        in_force = {file: entry for entry in before.files if (file := nlm_file(entry.path)) is not None}
        offered = offered_files(address)
        year = chosen_year(offered, in_force)
        here = {file: entry for file, entry in in_force.items() if file.year == year and _is_there(folder, entry)}
        goes_on = any(file.year == year for file in in_force)
        came: dict[NlmFile, FetchedFile] = {}
        failed: dict[NlmFile, SourceError] = {}
        while wanted := _lacking(offered, year, {**here, **came}):
            _tell_size(address, wanted, folder)
            fetched, failed = _fetch_all(address, wanted, folder, progress)
            came |= fetched
            if failed or goes_on:
                break
            # A baseline is put there file by file: what was added while its beginning came belongs to it.
            offered = offered_files(address)
        after = {**here, **_before_the_first(came, failed)}
        if not failed or goes_on:
            _switch(folder, before, after)
        missing = tuple(missing_numbers({*after, *failed}))
        _tell(address, missing)
        if failed:
            raise _not_fetched(failed, len(came) + len(failed))
        new = tuple(file.path for file in sorted(came))
        n_bytes = sum(entry.size_bytes for entry in after.values())
        return FetchReport(address, new, len(after), n_bytes, missing)


def _lacking(offered: Iterable[NlmFile], year: int, there: Iterable[NlmFile]) -> list[NlmFile]:
    """The files of a year that are not there, by number: one may move between the folders of a mirror."""
    known = {file.number for file in there}
    return [file for file in offered if file.year == year and file.number not in known]


def fetch_mesh(address: str, folder: Path, progress: Progress | None = None) -> Path | None:
    """Fetch MeSH's descriptors of the year of the baseline into ``folder``, the ``sources/`` of a corpus.

    What is there already is not fetched again. Without a baseline, or where the file cannot be had, which a warning
    tells, the one of an earlier year is kept.

    Returns
    -------
    Path
        The newest descriptors that are there; None where there are none.
    """
    years = [file.year for entry in read_fetched(folder).files if (file := nlm_file(entry.path)) is not None]
    if years:
        name = f"desc20{max(years):02}.gz"
        try:
            fetch(RemoteFile(f"{MESH_FOLDER}/{name}", f"{address.rstrip('/')}/{name}"), folder, progress)
        except SourceError as error:
            _log.warning("MeSH of this year is not here, so filters and questions do without it: %s", error)
    return fetched_mesh(folder)


def fetched_mesh(folder: Path) -> Path | None:
    """The newest descriptors of MeSH in ``folder``, the ``sources/`` of a corpus; None where there are none."""
    return max((folder / MESH_FOLDER).glob("desc[0-9][0-9][0-9][0-9].gz"), default=None)


def _tell_size(address: str, wanted: Sequence[NlmFile], folder: Path) -> None:
    """Tell how much is to come, by the sizes of a few files; refuse what the disk has no room for."""
    if len(wanted) <= _SAMPLED:
        return
    sampled = [wanted[place * len(wanted) // _SAMPLED] for place in range(_SAMPLED)]
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        sizes = [size for size in pool.map(size_of, [f"{address}/{file.path}" for file in sampled]) if size]
    if not sizes:
        return
    needed, free = sum(sizes) / len(sizes) * len(wanted) / 1e9, shutil.disk_usage(folder).free / 1e9
    told = f"{len(wanted):,} files of about {needed:,.1f} GB; {free:,.1f} GB are free"
    if needed > free:
        raise BackendError(f"there is no room for {told} in {folder}; free some, or set RAGQA_HOME to a larger disk")
    _log.info("fetching %s", told)


def read_fetched(folder: Path) -> Fetched:
    """What was fetched into ``folder``, the ``sources/`` of a corpus; nothing where it cannot be read."""
    path = folder / FETCHED_FILE
    if not path.exists():
        return Fetched()
    try:
        return read_sealed(path, Fetched, "it is written anew")
    except ProductError as error:
        _log.warning("%s", error)
        return Fetched()


def _is_there(folder: Path, entry: FetchedFile) -> bool:
    path = folder / entry.path
    return path.is_file() and path.stat().st_size == entry.size_bytes


def _fetch_all(
    address: str, wanted: Sequence[NlmFile], folder: Path, progress: Progress | None
) -> tuple[dict[NlmFile, FetchedFile], dict[NlmFile, SourceError]]:
    """The files that came, and why the others did not."""
    came: dict[NlmFile, FetchedFile] = {}
    failed: dict[NlmFile, SourceError] = {}
    pool = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="fetch")
    try:
        results = [(file, pool.submit(_fetch_one, address, file, folder)) for file in wanted]
        for done, (file, result) in enumerate(results, start=1):
            try:
                came[file] = result.result()
            except SourceError as error:
                failed[file] = error
            if progress:
                progress("files fetched", done, len(wanted))
    finally:
        pool.shutdown(cancel_futures=True)
    return came, failed


def _fetch_one(address: str, file: NlmFile, folder: Path) -> FetchedFile:
    url = f"{address}/{file.path}"
    checksum = _MD5.search(read_address(f"{url}.md5"))
    if checksum is None:
        raise SourceError(f"{url}.md5 holds no MD5 sum of 32 hexadecimal digits; run it again later")
    remote = RemoteFile(file.path, url, checksum=f"md5:{checksum[0].decode().lower()}")
    target = fetch(remote, folder, mirrored=False, replace=True)
    origin = read_json(origin_path(target), Origin, "delete it and run the same command again")
    return FetchedFile(file.path, origin.size_bytes, origin.sha256)


def _before_the_first(
    came: dict[NlmFile, FetchedFile], failed: dict[NlmFile, SourceError]
) -> dict[NlmFile, FetchedFile]:
    """What came before the first file that failed: a later update must not be read without an earlier one."""
    return {file: entry for file, entry in came.items() if not failed or file < min(failed)}


def _switch(folder: Path, before: Fetched, after: dict[NlmFile, FetchedFile]) -> None:
    """Put the files in force, and remove those of another year."""
    fetched = Fetched(tuple(after[file] for file in sorted(after)), tuple(missing_numbers(after)))
    if fetched != before:
        write_sealed(folder / FETCHED_FILE, fetched)
    kept = {entry.path for entry in fetched.files}
    _remove(folder, (entry.path for entry in before.files if entry.path not in kept))


def _remove(folder: Path, paths: Iterable[str]) -> None:
    for path in paths:
        _log.info("removing %s, which nothing reads any more", folder / path)
        (folder / path).unlink(missing_ok=True)
        origin_path(folder / path).unlink(missing_ok=True)


def _tell(address: str, missing: Sequence[str]) -> None:
    if missing:
        _log.warning(
            "%s lacks %s; what they hold is not in the corpus until they are there: fetch again later, "
            "or from another mirror",
            address,
            ", ".join(missing),
        )


def _not_fetched(failed: dict[NlmFile, SourceError], n_wanted: int) -> SourceError:
    first = min(failed)
    return SourceError(
        f"{len(failed)} of {n_wanted} files could not be fetched, {first.name} first: "
        f"{str(failed[first]).rstrip('.')}. What came is kept; run the same command again"
    )
