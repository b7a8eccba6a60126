"""Decoding in several threads at once."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from ragqa.decoding import from_json, from_messagepack

FIRST_AT_ONCE = """
import sys, threading
from ragqa import decoding
from ragqa.types import {kind}
sys.setswitchinterval(1e-6)
together = threading.Barrier(8)
def first():
    together.wait()
    decoding.from_json(b'{content}', {kind})
threads = [threading.Thread(target=first) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_threads_may_learn_a_class_at_once() -> None:
    code = FIRST_AT_ONCE.format(kind="Document", content='{"id": "1", "mesh": [], "authors": ["A"]}')

    codes = [subprocess.run([sys.executable, "-c", code], check=False).returncode for _ in range(5)]

    assert codes == [0] * 5


@pytest.mark.parametrize(("read", "data"), [(from_json, b"[" * 100_000), (from_messagepack, b"\x91" * 100_000)])
def test_what_is_nested_too_deeply_is_no_form_of_anything(read: Callable[[bytes, Any], Any], data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        read(data, Any)
