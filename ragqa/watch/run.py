"""A run: for each watched item whose articles or candidates changed, asks again, tells what changed, and sends it."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ragqa.engine import Engine
from ragqa.errors import RagqaError
from ragqa.manifest import exclusive
from ragqa.types import Progress
from ragqa.watch import alerts, folders, items, known
from ragqa.watch.ask import Asker, cited_article, fingerprint
from ragqa.watch.changes import compare, settled
from ragqa.watch.outbox import Delivery, deliver
from ragqa.watch.screen import Screen
from ragqa.watch.settings import WatchSettings
from ragqa.watch.types import Alert, Change, Cited, Finding, Item


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did.

    Attributes
    ----------
    n_items, n_new_documents, n_asked
        Items looked at, new documents of their indexes, and items that were asked again.
    alerts
        What changed.
    deliveries
        What was sent, could not be sent, or may or may not have arrived.
    failures
        Index → why its items could not be looked at; they are with the next run.
    """

    n_items: int = 0
    n_new_documents: int = 0
    n_asked: int = 0
    alerts: tuple[Alert, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Let one run work at a time; what a killed run left half done is finished first.

    Raises
    ------
    ProductError
        Another run is at work.
    """
    folders.watch_folder().mkdir(parents=True, exist_ok=True)
    with exclusive(folders.watch_folder(), "watch run"):
        alerts.recover()
        yield


def run(index: str | None, settings: WatchSettings, progress: Progress | None = None) -> RunReport:
    """Look at the items of one index or of all, and send what changed.

    An index that is gone or damaged is told in the report; the others are looked at all the same.

    Raises
    ------
    ProductError
        Another run is at work, or a file of an item is damaged.
    """
    with only_one():
        reports, failures = [], {}
        for name in sorted({item.index for item in items.read_all(index)}):
            try:
                with Engine.open(name) as engine:
                    reports.append(look(engine, settings, progress))
            except RagqaError as error:
                failures[name] = str(error)
        known.prune(items.read_all())
        return RunReport(
            sum(report.n_items for report in reports),
            sum(report.n_new_documents for report in reports),
            sum(report.n_asked for report in reports),
            tuple(alert for report in reports for alert in report.alerts),
            tuple(deliver(settings)),
            failures,
        )


def look(engine: Engine, settings: WatchSettings, progress: Progress | None = None) -> RunReport:
    """Ask again what may have changed among the items of one index; alerts are on disk when this returns."""
    began, index = items.now(), engine.index.folder.name
    watched = items.read_all(index)
    screen = Screen(engine)
    asker = Asker(engine, screen)
    known.remember(engine.store)
    articles = _articles(engine, watched)
    touched, n_new = _touched(engine, screen, watched, articles)
    told = []
    for number, item in enumerate(touched):
        findings = tuple(asker.ask(item.findings))
        alert = _settle(item, findings, articles, engine.store.state_hash, settings)
        told += [alert] if alert else []
        if progress is not None:
            progress("watch", number + 1, len(touched))
    known.settle(index, began, engine.store)
    return RunReport(len(watched), n_new, len(touched), tuple(told))


def _settle(
    item: Item, findings: Sequence[Finding], articles: Mapping[str, Cited], state: str, settings: WatchSettings
) -> Alert | None:
    """Keep what was found for an item, and the alert before it where something must be told."""
    changes: list[Change] = []
    kept: list[Finding] = []
    for told, now in zip(item.findings, findings, strict=True):
        standing = [articles.get(one.document_id, replace(one, deleted=True)) for one in told.cited]
        if not item.state and item.kind != "answer" and told.kind != "references":
            kept.append(now)
            continue
        own = compare(told, now, standing, settings.noise)
        changes += own
        kept.append(settled(told, now, standing, own))
    after = replace(item, findings=tuple(kept), state=state)
    if not items.exists(item.id):
        return None  # it was removed meanwhile
    if not changes:
        items.save(after)
        return None
    alert = alerts.write(replace(after, serial=item.serial + 1), tuple(changes), state, settings.channels())
    items.save(alert.item)
    return alert


def _articles(engine: Engine, watched: Sequence[Item]) -> dict[str, Cited]:
    """Every article that an item cites, as it stands now; those that are gone are missing."""
    cited = sorted({one.document_id for item in watched for finding in item.findings for one in finding.cited})
    rows = engine.store.find(cited)
    return {document.id: cited_article(document) for document in engine.store.read(rows[rows >= 0])}


def _touched(
    engine: Engine, screen: Screen, watched: Sequence[Item], articles: Mapping[str, Cited]
) -> tuple[list[Item], int]:
    """The items to ask again, and how many documents are new: those never asked, and those that something concerns."""
    states = known.states_of(watched)
    touched = {item.id for item in watched if not states[item.id]}
    n_new = 0
    for state in sorted(set(states.values()) - {"", engine.store.state_hash}):
        own = [item for item in watched if states[item.id] == state]
        fresh = known.new_rows(engine.store, state)
        n_new = max(n_new, int(fresh.sum()))
        touched |= {item.id for item in own if _articles_changed(item, articles)}
        touched |= _read_changed(engine, own, fresh)
        findings = [(item.id, finding) for item in own for finding in item.findings if finding.kind != "references"]
        findings = [(one, finding) for one, finding in findings if one not in touched]
        concerned = screen.concerned([finding for _, finding in findings], fresh)
        touched |= {findings[place][0] for place in np.flatnonzero(concerned).tolist()}
    return [item for item in watched if item.id in touched], n_new


def _articles_changed(item: Item, articles: Mapping[str, Cited]) -> bool:
    for finding in item.findings:
        for cited in finding.cited:
            now = articles.get(cited.document_id, replace(cited, deleted=True))
            if now != replace(cited, title=now.title):
                return True
    return False


def _read_changed(engine: Engine, own: Sequence[Item], fresh: np.ndarray) -> set[str]:
    """The items of which a document that was read is gone or says something else."""
    read = sorted({document_id for item in own for finding in item.findings for document_id in finding.read})
    rows = engine.store.find(read)
    places = dict(zip(read, rows.tolist(), strict=True))
    revised = [row for row in rows.tolist() if row >= 0 and fresh[row]]
    prints = {document.id: fingerprint(document) for document in engine.store.read(revised)}
    changed = set()
    for item in own:
        for finding in item.findings:
            if any(places[one] < 0 or prints.get(one, old) != old for one, old in finding.read.items()):
                changed.add(item.id)
    return changed
