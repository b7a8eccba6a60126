"""Documents in compressed blocks on disk: random access by position with one read, whatever the size.

``documents.bin`` holds blocks of MessagePack documents, each block compressed with zstd; ``rows.npy`` holds for
every row where its block lies and where it lies in the block (:data:`ROW`), and is memory-mapped.
"""

import contextlib
import hashlib
import os
import threading
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import msgspec
import numpy as np
import zstandard

from ragqa.corpus.arrays import load_array
from ragqa.decoding import messagepack_decoder
from ragqa.errors import ProductError
from ragqa.types import Document

ROW = np.dtype([("offset", "<u8"), ("packed", "<u4"), ("begin", "<u4"), ("size", "<u4"), ("check", "<u4")])
"""Offset and packed size of the block in ``documents.bin``; begin and size of the document in the unpacked block; its
checksum (:func:`_checksum`), so that no damage makes the reader take another document for it."""

BLOCK_BYTES = 16 * 1024
"""Unpacked size at which a block is closed: larger ones pack better and take longer to read one document from."""

_SCANNED, _SCANNED_BYTES = 4096, 32 << 20
"""Documents, and bytes of them where they are large, that a scan reads at a time."""

Block = tuple[bytes, list[tuple[int, int]]]
"""An unpacked block with the begin and size of each of its documents."""

DOCUMENTS_FILE, ROWS_FILE = "documents.bin", "rows.npy"

_DECODER = messagepack_decoder(Document)


class BlockWriter:
    """Writes ``documents.bin`` and, when closed, ``rows.npy`` into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: BinaryIO = (folder / DOCUMENTS_FILE).open("wb")
        self._compressor = zstandard.ZstdCompressor(level=3, write_checksum=True)
        self._encoder = msgspec.msgpack.Encoder()
        self._digest = hashlib.sha256()
        self._offset = 0
        self._block = bytearray()
        self._places: list[tuple[int, int]] = []
        self._complete: list[Block] = []
        self._rows: list[np.ndarray] = []
        self._n_rows = 0

    def add(self, document: Document) -> None:
        """Append a document."""
        begin = len(self._block)
        self._encoder.encode_into(document, self._block, begin)
        self._places.append((begin, len(self._block) - begin))
        if len(self._block) >= BLOCK_BYTES:
            self._close_block()

    def take(self) -> list[Block]:
        """The blocks that are complete, to be written in this order."""
        blocks, self._complete = self._complete, []
        return blocks

    def write(self, blocks: Sequence[Block]) -> None:
        """Pack blocks and write them; another thread may go on adding meanwhile."""
        if not blocks:
            return
        # All at once, because each call gives the interpreter lock away and has to wait for it afterwards.
        texts: Any = [text for text, _ in blocks]
        self._digest.update(b"".join(texts))
        packed_texts: Any = self._compressor.multi_compress_to_buffer(texts)
        for packed, (text, places) in zip(packed_texts, blocks, strict=True):
            rows = np.empty(len(places), ROW)
            rows["offset"], rows["packed"] = self._offset, len(packed)
            rows["begin"], rows["size"] = np.array(places, dtype=np.uint32).T
            rows["check"] = [
                _checksum(text[begin : begin + size], position)
                for position, (begin, size) in enumerate(places, start=self._n_rows)
            ]
            self._n_rows += len(places)
            self._rows.append(rows)
            self._offset += len(packed)
            self._file.write(packed)

    def close(self) -> str:
        """Write what is pending and return the sha256 of the unpacked documents."""
        if self._places:
            self._close_block()
        self.write(self.take())
        _sync(self._file)
        self._file.close()
        rows = np.concatenate(self._rows) if self._rows else np.empty(0, ROW)
        with (self._folder / ROWS_FILE).open("wb") as file:
            np.save(file, rows)
            _sync(file)
        return self._digest.hexdigest()

    def abandon(self) -> None:
        """Close the file without finishing it."""
        # What is still in its buffer fails again where the disk is full.
        with contextlib.suppress(OSError):
            self._file.close()

    def _close_block(self) -> None:
        self._complete.append((bytes(self._block), self._places))
        self._block.clear()
        self._places = []


class BlockReader:
    """Reads documents of one part by position. Several threads may share it.

    Raises
    ------
    ProductError
        (any method) A file is missing or damaged.
    """

    def __init__(self, folder: Path, remedy: str) -> None:
        self._remedy = remedy
        self._path = folder / DOCUMENTS_FILE
        self._local = threading.local()
        self._rows = load_array(folder / ROWS_FILE, folder / ROWS_FILE, remedy, "r")
        try:
            self._file = self._path.open("rb", buffering=0)
        except OSError as error:
            raise ProductError(f"the documents in {folder} are missing or damaged ({error}); {remedy}") from error
        if self._rows.dtype != ROW or self._rows.ndim != 1:
            raise ProductError(f"{folder / ROWS_FILE} is damaged: it has another form; {remedy}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, positions: Sequence[int]) -> list[Document]:
        """The documents at ``positions``, in the order given; each block is unpacked once."""
        found: list[Document | None] = [None] * len(positions)
        rows = self._rows[np.asarray(positions, dtype=np.int64)]
        order = np.argsort(rows["offset"], kind="stable").tolist()
        places = rows.tolist()
        offset, block = -1, b""
        for i in order:
            place = places[i]
            if place[0] != offset:
                offset, block = place[0], self._unpack(place[0], place[1])
            data = block[place[2] : place[2] + place[3]]
            if _checksum(data, int(positions[i])) != place[4]:
                raise ProductError(f"{self._path} or {ROWS_FILE} is damaged at row {positions[i]}; {self._remedy}")
            found[i] = self._decode(data)
        return [document for document in found if document is not None]

    def scan(self, begin: int = 0, end: int | None = None) -> Iterator[Document]:
        """The documents from ``begin`` to ``end`` (None: the last) in order."""
        start, stop = begin, len(self._rows) if end is None else end
        while start < stop:
            sizes = np.cumsum(self._rows["size"][start : min(start + _SCANNED, stop)], dtype=np.int64)
            n = max(1, int(np.searchsorted(sizes, _SCANNED_BYTES)))
            yield from self.read(range(start, start + n))
            start += n

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _unpack(self, offset: int, size: int) -> bytes:
        try:
            packed = os.pread(self._file.fileno(), size, offset)
            return self._decompressor().decompress(packed)
        except (OSError, ValueError, OverflowError, MemoryError, zstandard.ZstdError) as error:
            raise ProductError(f"{self._path} is damaged at byte {offset} ({error}); {self._remedy}") from error

    def _decode(self, data: bytes) -> Document:
        try:
            return _DECODER.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ProductError(f"{self._path} is damaged ({error}); {self._remedy}") from error

    # A zstd context may not be used by two threads at once.
    def _decompressor(self) -> zstandard.ZstdDecompressor:
        if not hasattr(self._local, "decompressor"):
            self._local.decompressor = zstandard.ZstdDecompressor()
        decompressor: zstandard.ZstdDecompressor = self._local.decompressor
        return decompressor


def _checksum(data: bytes, position: int) -> int:
    """CRC-32 of a document and of its position in the part."""
    return zlib.crc32(data, position & 0xFFFFFFFF)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
