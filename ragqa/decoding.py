"""Bytes and plain values → dataclasses, from any number of threads.

msgspec learns a class when it is first asked for it, and two threads that have it learn the same class at once end the
process by a segmentation fault (seen in msgspec 0.22). Here one thread learns at a time; decoders are kept, and may be
shared between threads.
"""

import functools
import threading
from typing import Any, TypeVar, cast

import msgspec

T = TypeVar("T")

_learning = threading.RLock()


def from_json(data: bytes, kind: type[T]) -> T:
    """JSON as ``kind``.

    Raises
    ------
    msgspec.DecodeError
        It is not JSON, or not of this form.
    """
    try:
        value: T = json_decoder(kind).decode(data)
    except RecursionError as error:
        raise msgspec.DecodeError("it is nested too deeply") from error
    return value


def from_messagepack(data: bytes, kind: type[T]) -> T:
    """MessagePack as ``kind``; raises what :func:`from_json` raises."""
    try:
        value: T = messagepack_decoder(kind).decode(data)
    except RecursionError as error:
        raise msgspec.DecodeError("it is nested too deeply") from error
    return value


def from_plain(value: Any, kind: type[T]) -> T:
    """Dicts, lists, numbers and strings as ``kind``.

    Raises
    ------
    msgspec.ValidationError
        They have another form.
    """
    json_decoder(kind)
    return msgspec.convert(value, kind)


def json_decoder(kind: type[T]) -> "msgspec.json.Decoder[T]":
    """The decoder of JSON into ``kind``."""
    with _learning:
        decoder: msgspec.json.Decoder[T] = _json_decoder(cast("Any", kind))
    return decoder


def messagepack_decoder(kind: type[T]) -> "msgspec.msgpack.Decoder[T]":
    """The decoder of MessagePack into ``kind``."""
    with _learning:
        decoder: msgspec.msgpack.Decoder[T] = _messagepack_decoder(cast("Any", kind))
    return decoder


@functools.cache
def _json_decoder(kind: Any) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(kind)


@functools.cache
def _messagepack_decoder(kind: Any) -> "msgspec.msgpack.Decoder[Any]":
    return msgspec.msgpack.Decoder(kind)
