"""Decoding in several threads at once."""

import subprocess
import sys

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
