"""Source files → parts: each file by itself, here or on other machines.

A part is named by the content of its source and by how that is read, so that one that is there is not made again.
"""

import logging
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragqa.corpus.formats import corpus_format
from ragqa.corpus.part import PART_LAYOUT, PartRecord, read_part_record, remove_unfinished, write_part
from ragqa.corpus.records import Record, Skipped
from ragqa.corpus.settings import CorpusSettings
from ragqa.errors import ProductError, SourceError
from ragqa.manifest import content_hash, file_hash
from ragqa.types import Document, Progress, Tasks

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read, and its hash where that is known; else ""."""

    path: Path
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
    """

    folder: Path
    settings: CorpusSettings
    thorough: bool

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
        layout, settings = corpus_format(self.settings.format), self.settings
        path = source.path
        identity = (path.name, source.sha256 or _hash_source(path), f"{layout.name}/{layout.version}")
        read_with = [settings.include_conclusion, settings.question_as_title]
        left_out = frozenset(settings.leave_out)
        name = content_hash([PART_LAYOUT, *identity, *read_with, *sorted(left_out)])[:32]
        part = _finished_part(self.folder / name, thorough=self.thorough)
        if part is None:
            _log.info("reading %s", path)
            records = _without(layout.read(path, settings), left_out)
            part = write_part(self.folder / name, identity, records, on_batch)
        else:
            on_batch(part.n_rows)
        return name, part


def _without(records: Iterator[Record], left_out: Collection[str]) -> Iterator[Record]:
    """The records, those of the documents left out as skipped ones, so that they are counted."""
    for record in records:
        if isinstance(record, Document) and record.id in left_out:
            yield Skipped("left out")
        else:
            yield record


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
