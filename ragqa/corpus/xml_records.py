"""Cuts a large XML file into its records, which are then parsed in batches.

Each record (an element such as ``PubmedArticle``) is parsed whole by lxml; so is everything around the records,
which must be well-formed too. Parsing records in batches instead of the file as one document keeps memory small.
Comments and CDATA sections may hold anything. The encoding must extend ASCII, as UTF-8 and ISO-8859-1 do.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO

from ragqa.corpus.ahead import read_ahead
from ragqa.errors import SourceError

if TYPE_CHECKING:
    from lxml.etree import XMLParser, _Element

PIECE_BYTES = 2 * 1024 * 1024
"""How much is read at a time."""

BATCH_BYTES = PIECE_BYTES // 8
"""How much is parsed at a time: small enough for the trees to stay in the processor's cache while they are read."""

LARGEST_RECORD_BYTES = 64 * 1024 * 1024
"""A record without an end after this many bytes is taken for damage; real ones have some kilobytes."""

_ENCODING = re.compile(rb"<\?xml[^>]*?\bencoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_ROOT = re.compile(rb"<[A-Za-z_][^>]*>")
_NAMESPACE = re.compile(rb"\sxmlns:[\w.-]+\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_UNMARKED = {b"<!--": b"-->", b"<![CDATA[": b"]]>"}


class RecordFile:
    """The records of an XML file, read once from its start.

    Attributes
    ----------
    root_tag
        The name of the root element, known after the last record.
    others
        The names of the elements that lie beside the records and are none; known then, too.
    """

    def __init__(
        self, file: BinaryIO, name: str, tags: Sequence[str], left_out: Sequence[str], sets: Sequence[str]
    ) -> None:
        """Take a file opened for reading bytes.

        Parameters
        ----------
        name
            What errors call the file.
        tags
            Which elements are records.
        left_out
            Elements without attributes that nobody reads, in the order in which a record has them: from the first
            start of each to its last end before the next one nothing is parsed.
        sets
            Elements that hold records and nothing else.
        """
        self.root_tag = ""
        self.others: list[str] = []
        # Unpacking goes ahead in a thread. Parsing does not: trees made by another core are dearer to read.
        self._pieces = read_ahead(iter(lambda: file.read(PIECE_BYTES), b""))
        self._name = name
        self._start = re.compile(rb"<(?:(%s)[\s/>]|!--|!\[CDATA\[)" % "|".join(tags).encode())
        self._sets = sets
        self._left_out = [(f"<{tag}>".encode(), f"</{tag}>".encode()) for tag in left_out]
        self._buffer = b""
        self._position = 0
        self._n_records = 0
        self._around: _Surroundings | None = None

    def batches(self) -> Iterator[list["_Element"]]:
        """The records in order, as elements, in batches of about ``BATCH_BYTES``.

        Raises
        ------
        SourceError
            The file ends within a record or is not well-formed; the message says after which record.
        """
        batch: list[bytes] = []
        size = 0
        for record in self._records():
            batch.append(record)
            size += len(record)
            if size >= BATCH_BYTES:
                yield self._parse(batch)
                batch, size = [], 0
        if batch:
            yield self._parse(batch)

    def _records(self) -> Iterator[bytes]:
        self._fill()
        if self._buffer.startswith((b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")):
            raise SourceError(f"{self._name} is in UTF-16 or UTF-32; convert it to UTF-8")
        encoding = _ENCODING.search(self._buffer[:200])
        self._around = _Surroundings(encoding[1].decode() if encoding else None, self._malformed)
        while True:
            match = self._start.search(self._buffer, self._position)
            if match is None:
                # A start tag may be cut by the end of the buffer.
                keep = max(self._position, len(self._buffer) - 64)
                self._around.feed(self._buffer[self._position : keep])
                self._position = keep
                if not self._fill():
                    break
                continue
            self._around.feed(self._buffer[self._position : match.start()])
            self._position = match.start()
            if match[1] is None:
                self._around.feed(self._take(_UNMARKED[match[0]]))
            else:
                yield self._record(match[1])
        self._around.feed(self._buffer[self._position :])
        root = self._around.close()
        self.root_tag = str(root.tag)
        self.others = [
            str(child.tag) for parent in root.iter(*self._sets) for child in parent if child.tag not in self._sets
        ]

    def _record(self, tag: bytes) -> bytes:
        """The record that starts at the position."""
        opening_end = self._find(b">", self._position)
        if self._buffer[opening_end - 1 : opening_end] == b"/":
            return self._take(b">")
        record = self._take(b"</" + tag + b">")
        # One sign is looked for much faster than two.
        if b"!" in record and b"<!" in record:
            while any(record.rfind(start) > record.rfind(end) for start, end in _UNMARKED.items()):
                record += self._take(b"</" + tag + b">")
            return record
        return self._without_left_out(record)

    def _without_left_out(self, record: bytes) -> bytes:
        found = []
        start = 0
        for opening, closing in self._left_out:
            begin = record.find(opening, start)
            if begin >= 0:
                found.append((begin, closing))
                start = begin
        pieces = []
        start = 0
        for (begin, closing), (stop, _) in pairwise([*found, (len(record), b"")]):
            end = record.rfind(closing, begin, stop)
            if end >= 0:
                pieces.append(record[start:begin])
                start = end + len(closing)
        return b"".join((*pieces, record[start:]))

    def _take(self, end: bytes) -> bytes:
        """What lies from the position through ``end``; the position moves behind it."""
        stop = self._find(end, self._position) + len(end)
        taken = self._buffer[self._position : stop]
        self._position = stop
        return taken

    def _find(self, sign: bytes, start: int) -> int:
        """Where ``sign`` stands in the buffer, which grows until it holds it."""
        offset = start - self._position
        while (found := self._buffer.find(sign, self._position + offset)) < 0:
            offset = max(0, len(self._buffer) - self._position - len(sign))
            if offset > LARGEST_RECORD_BYTES or not self._fill():
                raise SourceError(
                    f"{self._name} is truncated: {sign.decode()} is missing {self._place()}; fetch it again"
                )
        return found

    def _fill(self) -> bool:
        """Read on; False at the end of the file. What lies before the position is forgotten."""
        piece = next(self._pieces, b"")
        self._buffer = self._buffer[self._position :] + piece
        self._position = 0
        return bool(piece)

    def _parse(self, batch: Sequence[bytes]) -> list["_Element"]:
        from lxml import etree

        if self._around is None:
            return []
        try:
            root = etree.fromstring(self._around.document(batch), self._around.parser())
        except etree.XMLSyntaxError as error:
            if len(batch) == 1:
                raise self._malformed(error) from error
            return [element for record in batch for element in self._parse([record])]
        self._n_records += len(batch)
        return list(root)

    def _malformed(self, error: Exception) -> SourceError:
        return SourceError(f"{self._name} is truncated or not well-formed XML {self._place()}: {error}; fetch it again")

    def _place(self) -> str:
        return f"after record {self._n_records}" if self._n_records else "at its start"


class _Surroundings:
    """What surrounds the records: checked by a parser of its own, and the frame in which records are parsed."""

    def __init__(self, encoding: str | None, malformed: Callable[[Exception], SourceError]) -> None:
        self._encoding = encoding
        self._malformed = malformed
        self._checker = self.parser()
        self._head = b""
        self._opening = b""

    def parser(self) -> "XMLParser":
        """A parser that loads no DTD, reaches no network and expands no entities."""
        from lxml import etree

        return etree.XMLParser(
            encoding=self._encoding,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )

    def feed(self, data: bytes) -> None:
        """Check what lies between records."""
        from lxml import etree

        if not data.strip():
            return
        if not self._opening:
            self._head += data
            self._opening = self._frame()
        try:
            self._checker.feed(data)
        except etree.XMLSyntaxError as error:
            raise self._malformed(error) from error

    def close(self) -> "_Element":
        """End the check and return the root element without the records."""
        from lxml import etree

        try:
            return self._checker.close()
        except etree.XMLSyntaxError as error:
            raise self._malformed(error) from error

    def document(self, records: Sequence[bytes]) -> bytes:
        """Records as one document."""
        # An external DTD, which is never loaded, makes unknown entities a matter of taste instead of an error.
        return b"".join((b'<!DOCTYPE r SYSTEM "-"><r', self._opening, b">", *records, b"</r>"))

    def _frame(self) -> bytes:
        """The namespaces that the root element declares for its records."""
        head = re.sub(rb"<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>|<!--.*?-->|<\?.*?\?>", b"", self._head, flags=re.DOTALL)
        root = _ROOT.search(head)
        return b"".join(_NAMESPACE.findall(root[0])) or b" " if root else b""
