"""The baseline and update files that NLM offers, or a mirror of them: which there are, and which are missing.

A mirror has the folders ``baseline/`` and ``updatefiles/`` with files ``pubmedYYnNNNN.xml.gz``, numbered in one
sequence for each year's baseline, and an md5 file beside each:
https://pubmed.ncbi.nlm.nih.gov/download/.
"""

import re
import urllib.parse
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from ragqa.errors import SourceError, UsageError
from ragqa.fetch import read_address

NLM = "https://ftp.ncbi.nlm.nih.gov/pubmed"
BASELINE, UPDATES = FOLDERS = ("baseline", "updatefiles")
_NAME = re.compile(r"pubmed([0-9]{2})n([0-9]{4,8})\.xml\.gz")


@dataclass(frozen=True, slots=True, order=True)
class NlmFile:
    """A file of a mirror; they are ordered as they are to be read.

    Attributes
    ----------
    year
        The last two digits of the year of its baseline.
    number
        Its place in the sequence of that year, from 1.
    path
        ``baseline/NAME`` or ``updatefiles/NAME``.
    """

    year: int
    number: int
    path: str

    @property
    def is_baseline(self) -> bool:
        """Whether it is of the baseline rather than an update of it."""
        return self.path.startswith(BASELINE)

    @property
    def name(self) -> str:
        """The name of the file alone."""
        return self.path.rpartition("/")[2]


def nlm_file(path: str) -> NlmFile | None:
    """The file at ``folder/name``; None where that is no name of NLM's.

    >>> nlm_file("baseline/pubmed26n0012.xml.gz")
    NlmFile(year=26, number=12, path='baseline/pubmed26n0012.xml.gz')
    """
    match = _NAME.fullmatch(path.rpartition("/")[2])
    return NlmFile(int(match[1]), int(match[2]), path) if match else None


def mirror_address(mirror: str) -> str:
    """The address of a mirror that is given as http(s) or file address, or as a folder.

    Raises
    ------
    UsageError
        There is no such folder.
    """
    if urllib.parse.urlsplit(mirror).scheme in {"http", "https", "file"}:
        return mirror.rstrip("/")
    folder = Path(mirror).expanduser()
    if not folder.is_dir():
        raise UsageError(
            f"there is no folder {mirror!r}; give an address (http… or file:/…) or a folder "
            f"with {' and '.join(FOLDERS)} in it"
        )
    return folder.absolute().as_uri()


def offered_files(address: str) -> list[NlmFile]:
    """The files of a mirror that have their md5 file beside them, in order.

    One without is still being put there, and is taken when it is whole.

    Raises
    ------
    SourceError
        The mirror cannot be reached, or has no baseline.
    """
    found = []
    for folder in FOLDERS:
        names = set(_names(f"{address}/{folder}/"))
        files = (nlm_file(f"{folder}/{name}") for name in names if f"{name}.md5" in names)
        found += [file for file in files if file is not None]
    if not any(file.is_baseline for file in found):
        raise SourceError(
            f"{address}/{BASELINE}/ lists no file pubmedYYnNNNN.xml.gz with its .md5 beside it; "
            f"name a mirror that has NLM's folders {' and '.join(FOLDERS)}"
        )
    return sorted(found)


def chosen_year(offered: Iterable[NlmFile], in_force: Collection[NlmFile]) -> int:
    """The year whose files are to be read: the newest one whose baseline is whole.

    A baseline is whole when it has as many files as the one in force: PubMed grows from year to year.
    """
    files = list(offered)
    wanted = sum(file.is_baseline for file in in_force)
    years = sorted({file.year for file in files if file.is_baseline}, reverse=True)
    current = max((file.year for file in in_force), default=0)
    for year in years:
        n_files = sum(file.is_baseline and file.year == year for file in files)
        if year == current or n_files >= wanted:
            return year
    return current


def missing_numbers(files: Iterable[NlmFile]) -> list[str]:
    """The numbers of the sequence of a year that no file has, neighbours put together.

    >>> missing_numbers(NlmFile(26, n, "") for n in (1, 2, 5, 7))
    ['pubmed26n0003 to pubmed26n0004', 'pubmed26n0006']
    """
    told = []
    last = 0
    for file in sorted(files):
        first, end = last + 1, file.number - 1
        if first <= end:
            names = [f"pubmed{file.year:02}n{number:04}" for number in sorted({first, end})]
            told.append(" to ".join(names))
        last = file.number
    return told


def _names(address: str) -> Iterator[str]:
    """The names in a folder of a mirror."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme == "file":
        folder = Path(urllib.parse.unquote(parts.path))
        yield from (path.name for path in folder.iterdir()) if folder.is_dir() else ()
        return
    links = _Links()
    links.feed(read_address(address).decode(errors="replace"))
    yield from (link.rpartition("/")[2] for link in links.found)


class _Links(HTMLParser):
    """Gathers where the links of a page lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [urllib.parse.unquote(value) for name, value in attrs if name == "href" and value]
