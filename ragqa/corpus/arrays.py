"""Reading arrays from files that may be damaged."""

import io
import threading
import tokenize
from pathlib import Path
from typing import Literal

import numpy as np

from ragqa.corpus.text import one_line
from ragqa.errors import ProductError

# The header of an .npy file is Python source: whatever its parser raises may come out.
_UNREADABLE = (
    OSError, ValueError, EOFError, TypeError, KeyError, SyntaxError, OverflowError, MemoryError, tokenize.TokenError
)  # fmt: skip

_ONE_AT_A_TIME = threading.Lock()
"""NumPy reads the header with :func:`ast.literal_eval`. Where a finalizer makes way for another thread within it that
does the same, CPython 3.11 says "AST constructor recursion depth mismatch" (its issue 106905)."""


def read_npy(source: Path | io.BytesIO, mmap_mode: Literal["r"] | None = None) -> np.ndarray:
    """The array of a ``.npy`` file, without pickled objects; raises as :func:`numpy.load`. Threads may call it."""
    with _ONE_AT_A_TIME:
        array: np.ndarray = np.load(source, mmap_mode=mmap_mode, allow_pickle=False)
    return array


def load_array(source: Path | io.BytesIO, path: Path, remedy: str, mmap_mode: Literal["r"] | None = None) -> np.ndarray:
    """The array in an ``.npy`` file, or in its bytes; ``path`` is what errors call it.

    Raises
    ------
    ProductError
        It is missing or damaged.
    """
    try:
        array = read_npy(source, mmap_mode)
    except _UNREADABLE as error:
        raise ProductError(f"{path} is missing or damaged ({one_line(str(error))}); {remedy}") from error
    return array
