"""What a build may take of the memory, shared out among Java, the threads that read, and FAISS.

Java takes its share when it starts, and reading takes what each thread holds; FAISS comes last, and gets what the
process has not taken by then. Measured as Linux limits it (RLIMIT_DATA): writable memory of the process, without files
that are mapped.
"""

from dataclasses import dataclass
from pathlib import Path

from ragqa.errors import BackendError
from ragqa.recipe import Recipe

_MB = 1_000_000
_FIXED = 600 * _MB  # Python, its packages, Java besides its objects, the counts of words
_ENCODER = 1_900 * _MB  # making an encoder, and encoding
_ENCODING = 400 * _MB  # what encoding takes more once it is under way
_LEAST_HEAP, _MOST_HEAP = 64 << 20, 4 << 30
_MOST_READERS = 16
_READER = 64 * _MB  # documents in the hands of a thread, and its stacks


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of the memory of a build.

    Attributes
    ----------
    total_bytes
        All of it; None where no limit was given.
    heap
        The most for Java's objects, as Java takes it (``512m``); None: a quarter of the machine's.
    n_readers
        Threads that may read and index documents at a time.
    """

    total_bytes: int | None = None
    heap: str | None = None
    n_readers: int = _MOST_READERS


def shared_out(total_bytes: int | None, recipe: Recipe) -> Shares:
    """The shares of ``total_bytes`` that a build with ``recipe`` takes; None: without a limit.

    Raises
    ------
    BackendError
        It is too little; the message tells what is needed.
    """
    if total_bytes is None:
        return Shares()
    fixed = _FIXED if recipe.dense is None else _FIXED + _ENCODER
    least = -(-(fixed + _LEAST_HEAP + _READER) // _MB) * _MB
    if total_bytes < least:
        without = "" if recipe.dense is None else f", or {(least - _ENCODER) // _MB}m for a recipe without [dense]"
        raise BackendError(
            f"{total_bytes // _MB}m of memory are too little to build this index, whatever its size; give it "
            f"--memory {least // _MB}m or more{without}"
        )
    left = total_bytes - _FIXED
    # Java and its readers have done their work when vectors are made, but keep what they took.
    usable = left if recipe.dense is None else left // 4
    n_readers = max(1, min(_MOST_READERS, usable // 4 // _READER))
    heap = min(_MOST_HEAP, max(_LEAST_HEAP, usable - n_readers * _READER))
    return Shares(total_bytes, f"{heap >> 20}m", n_readers)


def left_for_faiss(total_bytes: int | None) -> int | None:
    """What a FAISS index may take of ``total_bytes``, once the encoder has been opened; None: without a limit."""
    return None if total_bytes is None else max(1, total_bytes - _ENCODING - _taken())


def _taken() -> int:
    """Writable memory of this process, bytes; where the system does not tell, what of it is in memory."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        import psutil

        return int(psutil.Process().memory_info().rss)
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmData:"))
