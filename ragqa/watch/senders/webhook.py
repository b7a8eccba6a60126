"""Digests by HTTP POST as JSON, with a key by which the receiver knows one that it has already."""

import contextlib
import hashlib
import hmac
import http.client
import os
from urllib.parse import urlsplit

from ragqa.watch.digest import Digest, as_json
from ragqa.watch.senders.limit import TimeLimit
from ragqa.watch.senders.outcome import NotSentError, UncertainError
from ragqa.watch.settings import WebhookSettings

_SILENT_GATEWAY = {502, 504}
"""A gateway that does not know what became of the request behind it."""


def send(digest: Digest, settings: WebhookSettings) -> str:
    """Post a digest; where to. Redirects are not followed.

    Raises
    ------
    NotSentError
        The server cannot be reached, did not get all of it, or refuses it.
    UncertainError
        The server got it and gave no answer that tells.
    """
    body = as_json(digest)
    headers = {"Content-Type": "application/json", "Idempotency-Key": digest.id, "User-Agent": "ragqa"}
    if secret := os.environ.get(settings.secret_env, "") if settings.secret_env else "":
        headers["X-Ragqa-Signature"] = f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"
    try:
        address = urlsplit(settings.url)
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        connection = kind(address.hostname or "", address.port, timeout=settings.seconds)
    except (ValueError, http.client.HTTPException) as error:
        raise NotSentError(f"webhook.url is no address: {error}; write https://HOST/PATH") from error
    where = f"{address.scheme}://{address.netloc.rpartition('@')[2]}"  # a user's name, and the path, may hold a secret
    path = (address.path or "/") + (f"?{address.query}" if address.query else "")
    with contextlib.closing(connection), TimeLimit(settings.total_seconds) as limit:
        limit.watch(lambda: connection.sock)
        try:
            connection.request("POST", path, body, headers)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotSentError(f"{where} did not take it: {limit.told(error) or type(error).__name__}") from error
        try:
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            told = limit.told(error) or type(error).__name__
            raise UncertainError(f"{where} got it and did not answer: {told}") from error
    if status in _SILENT_GATEWAY:
        raise UncertainError(f"{where} answered {status}: it does not know whether it arrived")
    if not 200 <= status < 300:
        raise NotSentError(f"{where} answered {status}")
    return where
