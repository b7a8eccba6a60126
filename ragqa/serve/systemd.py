"""What systemd gives a service and wants to hear from it: a socket that outlives restarts, and when it is ready.

The protocols are those of sd_listen_fds(3) and sd_notify(3); any other program may speak them, too.
"""

import os
import socket

from ragqa.errors import BackendError

_FIRST_DESCRIPTOR = 3


def inherited_listener() -> socket.socket | None:
    """The listening socket that this process was started with; None where it was given none.

    Connections wait in it while one process ends and the next begins, so that a restart drops none.

    Raises
    ------
    BackendError
        It was given several, or something else than a stream socket.
    """
    if os.environ.pop("LISTEN_PID", "") != str(os.getpid()):
        return None
    given = os.environ.pop("LISTEN_FDS", "")
    os.environ.pop("LISTEN_FDNAMES", None)
    if given != "1":
        raise BackendError(
            f"{given or 'no'} sockets were handed over; one is needed: one ListenStream= in ragqa.socket"
        )
    listener = socket.socket(fileno=_FIRST_DESCRIPTOR)
    if listener.type != socket.SOCK_STREAM or listener.family not in {socket.AF_INET, socket.AF_INET6}:
        raise BackendError("the socket handed over is none for TCP; write ListenStream=127.0.0.1:8000 in ragqa.socket")
    listener.set_inheritable(False)
    return listener


def notify(state: str) -> None:
    """Tell the service manager a state (``READY=1``, ``STOPPING=1``) where one listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        try:
            channel.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
        except OSError:
            return  # it has gone, and nobody waits for the word
