"""Logs as JSON lines on stderr, one object a line, with the id of the request that they belong to."""

import logging
import sys
import time
from contextvars import ContextVar

import msgspec

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is being worked on; "" outside of one."""

_LOGGERS = ("ragqa", "uvicorn", "mcp")


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time (UTC), level, logger, message, request id, and what ``extra["facts"]`` holds."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _encodable(record.getMessage()),
        }
        if identifier := request_id.get():
            line["request_id"] = identifier
        line.update(getattr(record, "facts", {}))
        if record.exc_info:
            line["traceback"] = _encodable(self.formatException(record.exc_info))
        return msgspec.json.encode(line).decode()


def _encodable(text: str) -> str:
    """The text as UTF-8 can hold it: names of files and what clients sent may have halves of surrogate pairs."""
    return text.encode(errors="backslashreplace").decode()


def set_up() -> None:
    """Send what the server and its libraries say to stderr as JSON lines.

    The root logger has its handler before any library gives it one: some import modules when they first write a line,
    which ends the process where there is no file descriptor left, the very moment that has to be told.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.INFO)
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("mcp").setLevel(logging.WARNING)
