"""The folder of an index while it is built: segments and other components are made, taken, merged, put in place."""

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from ragqa import manifest
from ragqa.corpus.store import DocumentStore
from ragqa.errors import ProductError
from ragqa.index import segments
from ragqa.index.folder import HASHES_FILE, is_sound, remedy
from ragqa.index.segments import Placed, Span

_log = logging.getLogger(__name__)
_BUILDING = ".building"


class Builder(Protocol):
    """Builds the segments of one kind."""

    kind: str
    form: str

    def begin(self, spans: Sequence[Span]) -> None:
        """Be told of all that :meth:`build` will be asked for."""
        ...

    def build(self, span: Span, folder: Path) -> None:
        """Make the segment of the live documents of ``span`` in ``folder``."""
        ...

    def merge(self, sources: Sequence[Placed], span: Span, folder: Path) -> None:
        """Make the segment of ``span`` from those that cover it."""
        ...


class Site:
    """The folder of an index while it is built."""

    def __init__(self, folder: Path, store: DocumentStore, n_segments: int, *, thorough: bool, merge: bool) -> None:
        self._folder = folder
        self._store = store
        self._thorough = thorough
        self._merge = merge
        self._again = remedy(folder)
        self._n_segments = n_segments

    def ensure(self, builder: Builder) -> list[str]:
        """The folders of the segments of one kind, in order; those that are not there are built, many are merged."""
        store, dead, n_segments = self._store, self._store.dead_rows(), self._n_segments
        most = segments.most_rows(store.n_rows, n_segments)
        available = {
            path.name: found
            for path in sorted(self._folder.glob(f"{builder.kind}-*"))
            if (found := self._whole(path)) is not None and found[0].form == builder.form and found[0].n_rows <= most
        }
        planned = segments.divided(segments.plan(available, store.parts, dead), store.parts, n_segments)
        known = [span if span.folder else self._taken(builder, span) for span in planned]
        builder.begin([span for span in known if not span.folder])
        spans = [span if span.folder else self._made(builder, span, partial(builder.build, span)) for span in known]
        held = [segments.read_segment(self._folder / span.folder, self._again)[0].n_documents for span in spans]
        after = segments.to_merge(spans, dead, held, everything=self._merge, n_segments=n_segments)
        return [(span if span.folder else self._merged(builder, spans, span)).folder for span in after]

    def _merged(self, builder: Builder, spans: Sequence[Span], whole: Span) -> Span:
        sources = [
            Placed(
                self._folder / span.folder,
                span.first_row,
                self._store.dead_rows()[span.first_row : span.end_row],
                self._again,
            )
            for span in spans
            if whole.first_row <= span.first_row and span.end_row <= whole.end_row
        ]
        return self._made(builder, whole, partial(builder.merge, sources, whole))

    def _name(self, builder: Builder, span: Span) -> str:
        parts = self._store.parts[span.first_part : span.end_part]
        dead = self._store.dead_rows()[span.first_row : span.end_row]
        return segments.segment_name(builder.kind, builder.form, parts, dead)

    def _taken(self, builder: Builder, span: Span) -> Span:
        """The span with its segment, where that is there or another index has it."""
        name = self._name(builder, span)
        target = self._folder / name
        if not (target.is_dir() and self._whole(target) is not None):
            if not self._link_twin(name, self.new(name), segments.SEGMENT_FILE):
                return span
            self._put_in_place(name)
        return replace(span, folder=name)

    def _made(self, builder: Builder, span: Span, make: Callable[[Path], None]) -> Span:
        """The span with the segment that ``make`` makes, unless there is one already."""
        found = self._taken(builder, span)
        if found.folder:
            return found
        name = self._name(builder, span)
        make(building := self.new(name))
        parts = self._store.parts[span.first_part : span.end_part]
        segments.finish(building, builder.form, parts, self._store.dead_rows()[span.first_row : span.end_row])
        self._put_in_place(name)
        return replace(span, folder=name)

    def take_component(self, name: str) -> bool:
        """Whether a component that is no segment is there and whole, or could be taken from another index."""
        target = self._folder / name
        if target.is_dir() and is_sound(target):
            return True
        if not self._link_twin(name, self.new(name), HASHES_FILE):
            return False
        self._put_in_place(name)
        return True

    def keep_component(self, name: str) -> None:
        """Put a component that was made in :meth:`new` in its place."""
        building = self._folder / (name + _BUILDING)
        manifest.sync_tree(building)
        manifest.write_json(building / HASHES_FILE, manifest.hash_files(building))
        self._put_in_place(name)

    def new(self, name: str) -> Path:
        """An empty folder in which a component is to be made."""
        building = self._folder / (name + _BUILDING)
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir()
        return building

    def files(self, components: dict[str, list[str]]) -> dict[str, str]:
        """Path within the index → sha256 of every file of its components."""
        found: dict[str, str] = {}
        for names in components.values():
            for name in names:
                record = self._folder / name / segments.SEGMENT_FILE
                if record.is_file():
                    hashes = manifest.read_sealed(record, segments.Segment, self._again).files
                else:
                    record = self._folder / name / HASHES_FILE
                    hashes = manifest.read_json(record, dict[str, str], self._again)
                found[f"{name}/{record.name}"] = manifest.file_hash(record)
                found |= {f"{name}/{path}": digest for path, digest in hashes.items()}
        return found

    def _whole(self, folder: Path) -> "tuple[segments.Segment, segments.Rows] | None":
        if not (folder / segments.SEGMENT_FILE).is_file():
            return None
        try:
            return segments.read_segment(folder, "it is built again", thorough=self._thorough)
        except ProductError as error:
            _log.warning("%s", error)
            return None

    def _put_in_place(self, name: str) -> None:
        target = self._folder / name
        shutil.rmtree(target, ignore_errors=True)  # a damaged one
        (self._folder / (name + _BUILDING)).rename(target)
        manifest.sync_folder(self._folder)

    def _link_twin(self, name: str, building: Path, record: str) -> bool:
        """Take a component from another index of the same home, if one has it."""
        for twin in sorted(self._folder.parent.glob(f"*/{name}")):
            if twin.parent == self._folder:
                continue
            try:
                held = manifest.Hold(twin / record)
            except OSError:  # it has none, or an update removes it just now
                continue
            try:
                if (self._whole(twin) is not None) if record == segments.SEGMENT_FILE else is_sound(twin):
                    _log.info("%s is taken from the index %s", name, twin.parent.name)
                    shutil.copytree(twin, building, copy_function=segments.link_or_copy, dirs_exist_ok=True)
                    manifest.sync_tree(building)
                    return True
            finally:
                held.release()
        return False
