"""Object stores and HDFS, reached by addresses through pyarrow; what they complain of is told in a line.

What may stand before ``://`` is what :func:`pyarrow.fs.FileSystem.from_uri` reaches: ``s3``, ``gs``, ``hdfs``, ``abfs``
and ``file``. Options follow the address after ``?``, such as ``endpoint_override=…``.
"""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from ragqa.errors import RagqaError, UsageError

_SCHEMES = ("s3", "gs", "gcs", "hdfs", "viewfs", "abfs", "abfss", "file")
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
PIECE_BYTES = 1 << 20
"""Of what is read from a store, or written to it, at once."""
_REMEDY = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_ENDPOINT_URL where the store is not Amazon's)",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS",
    "hdfs": "install Hadoop's client, and set HADOOP_HOME and CLASSPATH",
    "abfs": "set AZURE_STORAGE_ACCOUNT_KEY",
}


def is_address(text: str) -> bool:
    """Whether a text is an address and not a path.

    >>> is_address("s3://bucket/pubmed/*.xml.gz"), is_address("sources/*.xml")
    (True, False)
    """
    return _ADDRESS.match(text) is not None


def check_address(address: str) -> None:
    """Refuse addresses that nothing reaches or that hold a secret.

    Raises
    ------
    UsageError
        The store is of no known kind, or there is something before ``@``.
    """
    found = _ADDRESS.match(address)
    scheme = found[1] if found else ""
    if scheme not in _SCHEMES:
        meant = f"{scheme}:// is no kind of store" if scheme else f"{address!r} is no address of a store"
        raise UsageError(f"{meant}; give one of {', '.join(f'{one}://' for one in _SCHEMES)}")
    if "@" in address.removeprefix(f"{scheme}://").split("/")[0] and not scheme.startswith("abfs"):
        raise UsageError(
            f"an address of {scheme}:// has a name or a secret before '@', which others could read; take it out, and "
            f"{_remedy(scheme)}"
        )


def connect(address: str, options: str) -> tuple[Any, str]:
    """The file system of pyarrow that an address is of, and the path there."""
    from pyarrow import fs

    store, path = fs.FileSystem.from_uri(f"{address}?{options}" if options else address)
    return store, str(path)


def pieces(address: str, options: str, kind: type[RagqaError]) -> Iterator[bytes]:
    """The content of a file, a piece after the other; raises as :func:`told`."""
    with told(address, "read", kind):
        store, path = connect(address, options)
        with store.open_input_stream(path, compression=None) as stream:
            while piece := stream.read(PIECE_BYTES):
                yield piece


@contextlib.contextmanager
def told(address: str, what: str, kind: type[RagqaError]) -> Iterator[None]:
    """Let what a store complains of while it is to ``what`` (``read``) be an error of ``kind``, in a line."""
    import pyarrow

    try:
        yield
    except FileNotFoundError as error:
        raise kind(f"{address} is not there, or no longer; correct the address, or put it back") from error
    except (OSError, pyarrow.ArrowException) as error:
        said = " ".join(str(error).split())[:300]
        raise kind(
            f"cannot {what} {address} ({said}); see that the store answers and lets you: "
            f"{_remedy(address.partition(':')[0])}, on all nodes of a cluster; then run the same command again: what "
            "is finished is kept"
        ) from error


def _remedy(scheme: str) -> str:
    alike = {"gcs": "gs", "viewfs": "hdfs", "abfss": "abfs"}
    return _REMEDY.get(alike.get(scheme, scheme), "look at its permissions")
