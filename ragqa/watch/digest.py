"""A digest of alerts as Markdown, HTML, Atom (RFC 4287) and JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from ragqa.manifest import json_bytes
from ragqa.render.addresses import pubmed
from ragqa.render.escape import markdown, plain
from ragqa.watch.types import Alert, Change

_ATOM = "http://www.w3.org/2005/Atom"
_MOST_TITLE = 100


@dataclass(frozen=True, slots=True)
class Digest:
    """Some alerts that are sent together; ``id`` is the same however often it is tried."""

    id: str
    time: str
    alerts: tuple[Alert, ...]


def headline(digest: Digest) -> str:
    """What a digest tells, in a few words."""
    n = len(digest.alerts)
    first = _title(digest.alerts[0]) if digest.alerts else "nothing"
    return f"Watched by ragqa: {first}" if n == 1 else f"Watched by ragqa: {n} changed"


def as_markdown(digest: Digest) -> str:
    """The digest as Markdown; what documents say is shown as it is and never a link, a tag or an image."""
    lines = [f"# {markdown(headline(digest))}", "", f"{digest.time[:16].replace('T', ' ')} UTC", ""]
    for alert in digest.alerts:
        lines += [f"## {markdown(_title(alert))}", ""]
        for change in alert.changes:
            about = f" {markdown(_article(change))}" if change.document_id else ""
            subject = f"{markdown(change.subject)}: " if change.subject != alert.item.title else ""
            lines.append(f"- {subject}{markdown(change.message)}{about}{_link(change)}")
        lines.append("")
    return "\n".join(lines)


def as_html(digest: Digest) -> bytes:
    """The digest as a page that loads nothing, in UTF-8."""
    page = ET.Element("html", lang="en")
    head = ET.SubElement(page, "head")
    ET.SubElement(head, "meta", charset="utf-8")
    ET.SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    ET.SubElement(head, "title").text = headline(digest)
    style = (
        "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}h2{font-size:1.1rem}"
    )
    ET.SubElement(head, "style").text = style
    body = ET.SubElement(page, "body")
    ET.SubElement(body, "h1").text = headline(digest)
    ET.SubElement(body, "p").text = f"{digest.time[:16].replace('T', ' ')} UTC"
    for alert in digest.alerts:
        body.extend(_html_of(alert))
    written: bytes = ET.tostring(page, encoding="utf-8", method="html")
    return b"<!DOCTYPE html>\n" + written


def as_json(digest: Digest) -> bytes:
    """The digest as JSON: each alert with its item's id and title and its changes."""
    shown = [
        {
            "id": alert.id,
            "item": alert.item.id,
            "index": alert.item.index,
            "title": alert.item.title,
            "time": alert.time,
            "state": alert.state,
            "changes": alert.changes,
        }
        for alert in digest.alerts
    ]
    return json_bytes({"id": digest.id, "time": digest.time, "alerts": shown})


def as_atom(latest: Sequence[Alert], updated: str) -> bytes:
    """A feed of the latest alerts, an entry for each; ids never change."""
    ET.register_namespace("", _ATOM)
    feed = ET.Element(f"{{{_ATOM}}}feed")
    _add(feed, "id", "urn:ragqa:watch")
    _add(feed, "title", "Watched by ragqa")
    _add(feed, "updated", updated)
    _add(ET.SubElement(feed, f"{{{_ATOM}}}author"), "name", "ragqa")
    for alert in latest:
        entry = ET.SubElement(feed, f"{{{_ATOM}}}entry")
        _add(entry, "id", f"urn:ragqa:watch:{alert.id}")
        _add(entry, "title", _title(alert))
        _add(entry, "updated", alert.time)
        content = b"".join(ET.tostring(part, encoding="utf-8", method="html") for part in _html_of(alert)[1:])
        _add(entry, "content", content.decode()).set("type", "html")
    written: bytes = ET.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def _html_of(alert: Alert) -> list[ET.Element]:
    heading = ET.Element("h2")
    heading.text = _title(alert)
    listing = ET.Element("ul")
    for change in alert.changes:
        entry = ET.SubElement(listing, "li")
        subject = f"{plain(change.subject)}: " if change.subject != alert.item.title else ""
        entry.text = f"{subject}{plain(change.message)} "
        if change.document_id:
            address = pubmed(change.document_id)
            about = ET.SubElement(entry, "a", href=address) if address else ET.SubElement(entry, "span")
            about.text = _article(change)
    return [heading, listing]


def _add(parent: ET.Element, name: str, text: str) -> ET.Element:
    element = ET.SubElement(parent, f"{{{_ATOM}}}{name}")
    element.text = plain(text)
    return element


def _title(alert: Alert) -> str:
    title = plain(alert.item.title)
    return title if len(title) <= _MOST_TITLE else f"{title[: _MOST_TITLE - 1]}…"


def _article(change: Change) -> str:
    return f"{plain(change.title)} ({change.document_id})" if change.title else change.document_id


def _link(change: Change) -> str:
    address = pubmed(change.document_id)
    return f" <{address}>" if address else ""
