"""Arrays read by many threads at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ragqa.corpus.arrays import read_npy


def test_many_threads_read_arrays_at_once(tmp_path: Path) -> None:
    wanted = np.arange(6).reshape(2, 3)
    np.save(tmp_path / "a.npy", wanted)

    with ThreadPoolExecutor(8) as threads:
        read = list(threads.map(lambda _: read_npy(tmp_path / "a.npy"), range(20_000)))

    assert all(np.array_equal(one, wanted) for one in read)
