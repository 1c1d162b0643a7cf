"""Sends every verdict to one address that the operator has set, signed.

Signed as in https://www.standardwebhooks.com: HMAC-SHA256 of id, time and body. A verdict that
cannot be delivered within TRIES is dropped; it can still be asked for.
"""

import base64
import hashlib
import hmac
import json
import queue
import re
import sys
import threading
import time
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from common.errors import UsageError, one_line, printable

TRIES = 4
PAUSE = 2.0  # seconds before the second try; doubled before each further one
TIMEOUT = 10.0  # seconds for each try
MAX_WAITING = 10_000  # verdicts; further ones are dropped
MIN_SECRET = 16  # characters
PREFIX = "whsec_"  # of a secret that other programs of the standard have made


class Webhook(threading.Thread):
    """The thread that sends."""

    def __init__(self, url: str, secret_file: Path) -> None:
        """Raise UsageError if `url` is none of HTTP, or if the secret could be guessed."""
        super().__init__(daemon=True)
        if not _is_address(url):
            raise UsageError(f"--webhook: {url!r:.100} is no address that begins with https://")
        self.url = url
        text = secret_file.read_text(encoding="utf-8").strip()
        self.secret = key_of(text)
        if len(text) < MIN_SECRET:
            raise UsageError(
                f"--webhook_secret_file: {secret_file} needs {MIN_SECRET} characters or more"
            )
        self._waiting: queue.Queue[dict[str, Any]] = queue.Queue(MAX_WAITING)
        self._opener = urllib.request.build_opener(_NoRedirects)

    def send(self, message: dict[str, Any]) -> None:
        """Send a message with the key `id`, later and without waiting for it."""
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            _complain(message["id"], f"{MAX_WAITING} others wait")

    def run(self) -> None:
        while True:
            message = self._waiting.get()
            reason = ""
            for number in range(TRIES):
                time.sleep(PAUSE * 2 ** (number - 1) if number else 0)
                reason = self._try(message)
                if not reason:
                    break
            if reason:
                _complain(message["id"], reason)
            self._waiting.task_done()

    def _try(self, message: dict[str, Any]) -> str:
        """Send a message; return why it was not accepted, or an empty string."""
        body = json.dumps(message).encode()
        now = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message["id"],
            "webhook-timestamp": now,
            "webhook-signature": signature(self.secret, message["id"], now, body),
        }
        request = urllib.request.Request(self.url, body, headers, method="POST")
        try:
            with self._opener.open(request, timeout=TIMEOUT):
                return ""
        except HTTPError as error:
            error.close()
            return f"the answer was {error.code} {error.reason}"
        except (URLError, OSError, ValueError, HTTPException) as error:
            return one_line(error)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Verdicts go to the operator's address and to no other one."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0  # reading the port checks it
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and named and not re.search(r"[\s\x00-\x1f]", url)


def key_of(secret: str) -> bytes:
    """Return the key that a secret stands for: base64 after `whsec_`, else the text itself. Raise
    UsageError if what follows `whsec_` is not base64."""
    if not secret.startswith(PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError as error:
        raise UsageError(f"--webhook_secret_file: no base64 after {PREFIX}") from error


def signature(secret: bytes, message_id: str, now: str, body: bytes) -> str:
    """Return the header webhook-signature of a message that is sent at the time `now`."""
    signed = f"{message_id}.{now}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def _complain(message_id: str, reason: str) -> None:
    print(printable(f"webhook: {message_id} was not delivered: {reason}"), file=sys.stderr)
