"""One state of an index that is served, and who is using it."""

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Self

from ragqa import products
from ragqa.engine import Engine
from ragqa.errors import RagqaError
from ragqa.serve.generator import Generator, has_generator
from ragqa.serve.settings import Limits
from ragqa.serve.shown import IndexInfo

if TYPE_CHECKING:
    from ragqa.manifest import Manifest


@dataclass(slots=True)
class Served:
    """An opened state of an index, and how many requests are using it.

    Once it is replaced and no request uses it, ``last_jobs`` are the jobs that were in threads then: some of them may
    be working on it still, for clients that have left.
    """

    engine: Engine
    manifest: "Manifest"
    generator: Generator | None
    reaches: str
    n_uses: int = 0
    last_jobs: set[asyncio.Future[Any]] | None = None

    @property
    def name(self) -> str:
        """The name of the index."""
        return self.engine.index.folder.name

    @classmethod
    def of(cls, engine: Engine, limits: Limits) -> Self:
        """The engine, asked one question so that the first user need not wait; it is closed where that fails."""
        try:
            reaches = _not_after(engine.store.newest_date(), date.today())
            manifest = products.index_manifest(engine.index.folder.name)
            generates = has_generator(engine)
            generator = Generator(engine, limits) if generates else None
            engine.search("Is this index ready?", engine.recipe.answer.n_documents)
        except BaseException:
            engine.close()
            raise
        return cls(engine, manifest, generator, reaches)

    def info(self, *, default: bool) -> IndexInfo:
        """What is told of the index."""
        engine = self.engine
        return IndexInfo(
            name=self.name,
            description=engine.store.description or engine.recipe.description,
            corpus=engine.store.name,
            documents=len(engine.store),
            reader=engine.recipe.answer.reader,
            created=self.manifest.created,
            manifest_hash=engine.index.manifest_hash,
            default=default,
            reaches=self.reaches,
        )

    @property
    def is_outdated(self) -> bool:
        """Whether another state than this one is in force; False where none can be read."""
        try:
            return products.index_state(self.name) != self.engine.index.manifest_hash
        except RagqaError:
            return False


def _not_after(newest: str, today: date) -> str:
    """A date of publication, or today for the issue of a month to come.

    >>> _not_after("2026-12", date(2026, 11, 3)), _not_after("2026", date(2026, 11, 3))
    ('2026-11-03', '2026')
    """
    return min(newest, today.isoformat())
