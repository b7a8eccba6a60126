"""Invented references: how many altered ones are told, and how many true ones are doubted.

Real records of a corpus are written as references in three styles, half of them with one thing altered: the year, the
first author, a word of the title, or a digit of the PMID. All are resolved in the whole corpus.

Run:  python eval/checks/references.py --index NAME [--n 300] [--seed 1]      (an index whose corpus has authors)
"""

import argparse
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ragqa.check.resolve import resolve
from ragqa.check.text.references import entry_of
from ragqa.corpus.text import title_of
from ragqa.corpus.words import content_stems
from ragqa.engine import Engine
from ragqa.types import Document

KINDS = ("year", "author", "title", "pmid")
ALARMS = ("mismatch", "missing")


@dataclass(frozen=True, slots=True)
class Reference:
    """What is written, and what of it is altered ("" for nothing)."""

    text: str
    altered: str
    document: Document


def main() -> None:
    """Write references, resolve them, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True)
    parser.add_argument("--n", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="Print what was judged wrongly.")
    arguments = parser.parse_args()
    with Engine.open(arguments.index) as engine:
        written = list(references(engine, arguments.n, random.Random(arguments.seed)))
        alarms: dict[str, list[bool]] = {kind: [] for kind in ("", *KINDS)}
        for one in written:
            found = resolve(entry_of(0, one.text, 1), engine.store, lambda texts: engine.find_documents(texts, 6))
            alarms[one.altered].append(found.status in ALARMS)
            if arguments.show and (found.status in ALARMS) != bool(one.altered):
                print(f"{one.altered or 'true'}: {found.status} {found.problems}\n    {one.text}")
    told = [alarm for kind in KINDS for alarm in alarms[kind]]
    print(
        json.dumps(
            {
                "n": len(written),
                "recall": round(sum(told) / len(told), 4),
                "false_alarms": round(sum(alarms[""]) / len(alarms[""]), 4),
                **{f"recall_{kind}": round(sum(alarms[kind]) / max(len(alarms[kind]), 1), 4) for kind in KINDS},
            },
            indent=1,
        )
    )


def references(engine: Engine, n: int, chance: random.Random) -> Iterator[Reference]:
    """True and altered references in turns, of records that have a title in English, authors and a year."""
    rows = list(range(engine.store.n_rows))
    chance.shuffle(rows)
    usable = (document for row in rows for document in engine.store.read([row]) if _usable(document))
    for place in range(n):
        document = next(usable)
        other = next(usable)
        kind = KINDS[place // 2 % len(KINDS)] if place % 2 else ""
        yield Reference(_altered(document, other, kind, chance), kind, document)


def _usable(document: Document) -> bool:
    title = title_of(document)
    return bool(document.authors and document.year and document.id.isdecimal() and len(content_stems(title)) >= 4) and (
        not document.title_translated
    )


def _altered(document: Document, other: Document, kind: str, chance: random.Random) -> str:
    authors, year, title, pmid = list(document.authors), document.year or 0, title_of(document).rstrip("."), document.id
    if kind == "year":
        year += chance.choice((-4, -3, -2, -1, 1, 2, 3))
    elif kind == "author":
        known = {author.split()[-1] for author in authors}
        authors[0] = next((name for name in other.authors if name.split()[-1] not in known), "K Invented")
    elif kind == "title":
        words = list(re.finditer(r"[A-Za-z]{5,}", title))
        strange = [word for word in re.findall(r"[A-Za-z]{5,}", title_of(other)) if word.lower() not in title.lower()]
        place = chance.choice(words)
        title = title[: place.start()] + (strange or ["banana"])[0] + title[place.end() :]
    elif kind == "pmid":
        at = chance.randrange(len(pmid))
        pmid = pmid[:at] + chance.choice([d for d in "123456789" if d != pmid[at]]) + pmid[at + 1 :]
    return _written(document, authors, year, title, pmid if kind == "pmid" or chance.random() < 0.5 else "", chance)


def _written(document: Document, authors: list[str], year: int, title: str, pmid: str, chance: random.Random) -> str:
    """In Vancouver's style, with full names, or in APA's style."""
    journal, place = (
        document.journal or "J Med",
        f"{document.volume or 12}({document.issue or 3}):{document.pages or '1-9'}",
    )
    end = f" PMID: {pmid}" if pmid else ""
    style = chance.randrange(3)
    if style == 0:
        names = ", ".join(map(_vancouver, authors[:6])) + (", et al" if len(authors) > 6 else "")
        return f"{chance.randrange(1, 60)}. {names}. {title}. {journal}. {year};{place}.{end}"
    if style == 1:
        return f"{', '.join(authors)}. {title}. {journal}. {year} Jan 3;{place}.{end}"
    turned = [_apa(author) for author in authors[:5]]
    names = ", ".join(turned[:-1]) + (f", & {turned[-1]}" if len(turned) > 1 else turned[-1])
    return f"{names} ({year}). {title}. {journal}, {document.volume or 12}, 1–9.{end}"


def _apa(author: str) -> str:
    surname, forenames = _divided(author)
    return f"{surname}, {' '.join(f'{name[0]}.' for name in forenames)}"


def _vancouver(author: str) -> str:
    surname, forenames = _divided(author)
    return f"{surname} {''.join(name[0].upper() for name in forenames)}"


def _divided(author: str) -> tuple[str, list[str]]:
    """Surname and forenames of "John A Smith"."""
    parts = author.split()
    return parts[-1], parts[:-1] or ["X"]


if __name__ == "__main__":
    main()
