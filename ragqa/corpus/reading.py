"""Source files → parts: each file by itself, here or on other machines.

A part is named by the content of its source and by how that is read, so that one that is there is not made again.
"""

import logging
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragqa.corpus.formats import corpus_format
from ragqa.corpus.marks import tells_of_others
from ragqa.corpus.nlm_listing import BASELINE, nlm_file
from ragqa.corpus.objects import StoredObject, fetched
from ragqa.corpus.part import PART_LAYOUT, PartRecord, read_part_record, remove_unfinished, write_part
from ragqa.corpus.records import NotTaken, Record, Skipped
from ragqa.corpus.settings import CorpusSettings
from ragqa.corpus.subset import EVERYTHING, Subset
from ragqa.errors import ProductError, SourceError
from ragqa.manifest import content_hash, file_hash, write_atomically
from ragqa.recipe import to_table
from ragqa.types import Document, Progress, Tasks

_log = logging.getLogger(__name__)
HASHES_FOLDER = "objects"
"""The folder of a corpus where hashes of objects in stores are kept."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read, here or in a store, and its hash where that is known; else ""."""

    place: Path | StoredObject
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """How the sources of a corpus become parts.

    Attributes
    ----------
    folder
        Where the parts land.
    settings
        The recipe of the corpus.
    thorough
        Whether parts that are there already are compared with their hashes, and not with their sizes alone.
    subset
        Which documents are taken, resolved.
    """

    folder: Path
    settings: CorpusSettings
    thorough: bool
    subset: Subset = EVERYTHING

    def parts(
        self, sources: Sequence[Source], report: Progress, tasks: Tasks | None = None
    ) -> list[tuple[str, PartRecord]]:
        """Folder and record of the part of each source, in order; only one process at a time may do this.

        Parameters
        ----------
        report
            Told ``"sources"`` after each file and ``"documents"`` as they are read.
        tasks
            Other machines that make the parts; None: this process does.
        """
        remove_unfinished(self.folder)
        found: dict[int, tuple[str, PartRecord]] = {}
        n_documents = 0

        def on_batch(n: int) -> None:
            nonlocal n_documents
            n_documents += n
            report("documents", n_documents, None)

        if tasks is None:
            for place, source in enumerate(sources):
                found[place] = self.part(source, on_batch)
                report("sources", place + 1, len(sources))
        else:
            for place, made in tasks(self.part, [(source,) for source in sources]):
                found[place] = made
                on_batch(made[1].n_rows)
                report("sources", len(found), len(sources))
        return [found[place] for place in range(len(sources))]

    def part(self, source: Source, on_batch: Callable[[int], None] = lambda _n: None) -> tuple[str, PartRecord]:
        """Make the part of a source, unless it is there; ``on_batch`` is told how many documents each batch had.

        Raises
        ------
        SourceError
            The source is missing or damaged.
        """
        place = source.place
        if isinstance(place, StoredObject):
            return self._part_of_object(place, on_batch)
        return self._part(place, source.sha256 or _hash_source(place), on_batch, may_revise=not _is_baseline(place))

    def forget_all_but(self, sources: Sequence[Source]) -> None:
        """Forget the hashes of objects that are no source any more, or were changed."""
        of_use = {_hash_file(source.place) for source in sources if isinstance(source.place, StoredObject)}
        for path in self._hashes.glob("*"):
            if path.name not in of_use:
                path.unlink(missing_ok=True)

    @property
    def _hashes(self) -> Path:
        """The folder with a file for each object that was read, which holds its sha256."""
        return self.folder.parent / HASHES_FOLDER

    def _part_of_object(self, stored: StoredObject, on_batch: Callable[[int], None]) -> tuple[str, PartRecord]:
        """The part of an object, which is not fetched where it was read before and has not changed since."""
        known = self._hashes / _hash_file(stored)
        if known.is_file():
            name = self._name(stored.name, known.read_text(), may_revise=True)
            part = _finished_part(self.folder / name, thorough=self.thorough)
            if part is not None:
                on_batch(part.n_rows)
                return name, part
        with fetched(stored) as (path, sha256):
            try:
                made = self._part(path, sha256, on_batch, may_revise=True)
            except SourceError as error:
                raise SourceError(str(error).replace(str(path), stored.address)) from error
        known.parent.mkdir(exist_ok=True)
        write_atomically(known, sha256.encode())
        return made

    def _part(
        self, path: Path, sha256: str, on_batch: Callable[[int], None], *, may_revise: bool
    ) -> tuple[str, PartRecord]:
        layout, settings = corpus_format(self.settings.format), self.settings
        name = self._name(path.name, sha256, may_revise=may_revise)
        part = _finished_part(self.folder / name, thorough=self.thorough)
        if part is None:
            _log.info("reading %s", path)
            records = _without(layout.read(path, settings), frozenset(settings.leave_out))
            if self.subset != EVERYTHING:
                records = _of_subset(records, self.subset, may_revise=may_revise)
            part = write_part(self.folder / name, self._identity(path.name, sha256), records, on_batch)
        else:
            on_batch(part.n_rows)
        return name, part

    def _identity(self, file_name: str, sha256: str) -> tuple[str, str, str]:
        layout = corpus_format(self.settings.format)
        return file_name, sha256, f"{layout.name}/{layout.version}"

    def _name(self, file_name: str, sha256: str, *, may_revise: bool) -> str:
        """The folder of a part: a hash of what it is made from, and how."""
        settings = self.settings
        read_with = [settings.include_conclusion, settings.question_as_title]
        identity = self._identity(file_name, sha256)
        chosen = [] if self.subset == EVERYTHING else [to_table(self.subset), may_revise]
        return content_hash([PART_LAYOUT, *identity, *read_with, *sorted(frozenset(settings.leave_out)), *chosen])[:32]


def _hash_file(stored: StoredObject) -> str:
    """The name of the file with an object's hash: another one where the object is changed."""
    return content_hash([stored.address, stored.size_bytes, stored.changed_ns])[:32]


def _without(records: Iterator[Record], left_out: Collection[str]) -> Iterator[Record]:
    """The records, those of the documents left out as skipped ones, so that they are counted."""
    for record in records:
        if isinstance(record, Document) and record.id in left_out:
            yield Skipped("left out")
        else:
            yield record


def _of_subset(records: Iterator[Record], subset: Subset, *, may_revise: bool) -> Iterator[Record]:
    """The records with the documents of a subset, the others as skipped ones, so that they are counted.

    A document that is not of it ends older versions that are, as it would were it taken; the first version of one
    ends none where its source does not revise (``may_revise``) what was read before.
    Records that tell of other articles, such as notices of retraction, are kept whatever they are.
    """
    for record in records:
        if not isinstance(record, Document) or subset.has(record) or tells_of_others(record):
            yield record
            continue
        yield Skipped("not of the subset")
        if may_revise or record.version > 1:
            yield NotTaken(record.id, record.version)


def _is_baseline(path: Path) -> bool:
    """Whether a file is of NLM's baseline, which has each version once and is read before all updates."""
    return path.parent.name == BASELINE and nlm_file(path.name) is not None


def _finished_part(folder: Path, *, thorough: bool) -> PartRecord | None:
    """The record of a part that is there; a damaged one is removed, so that it is read again."""
    if not folder.exists():
        return None
    try:
        return read_part_record(folder, "it is read again", thorough=thorough)
    except ProductError as error:
        _log.warning("%s", error)
        shutil.rmtree(folder)
        return None


def _hash_source(path: Path) -> str:
    try:
        return file_hash(path)
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from error
