"""Verdicts that are sent to the operator's address: signed, tried again, and to nowhere else."""

import base64
import hashlib
import hmac
import json
import queue
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from common.errors import UsageError
from tests.web.conftest import JOB, SETTINGS, judged
from web import webhook
from web.webhook import Webhook

pytest.importorskip("fastapi")
from dataclasses import replace

from fastapi.testclient import TestClient

from web.app import make_app

SECRET = "a-secret-of-many-letters"


class Receiver:
    """An HTTP server that answers with the given codes, and then with 200."""

    def __init__(self, codes: list[int]) -> None:
        received: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.put(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(codes.pop(0) if codes else 200)
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/verdicts"
        self.codes, self.received = codes, received
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setattr(webhook, "PAUSE", 0.01)
    made = Receiver([])
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n", encoding="utf-8")
    return path


def test_a_verdict_is_sent_signed(receiver: Receiver, secret: Path, tmp_path: Path) -> None:
    settings = replace(SETTINGS, folder=tmp_path / "serve")
    with TestClient(make_app(settings, JOB, webhook=Webhook(receiver.url, secret))) as client:
        sent = client.post("/v1/videos?name=a.mp4", content=b"no video").json()
        known = judged(client, sent["id"])
        headers, body = receiver.received.get(timeout=30)
    message = json.loads(body)
    assert message == {name: known[name] for name in message}
    assert message["result"]["verdict"] == "unreadable" and message["id"] == sent["id"]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_what_is_not_accepted_is_sent_again_and_then_dropped(
    receiver: Receiver, secret: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    receiver.codes.extend([500, 302, *[503] * webhook.TRIES])
    hook = Webhook(receiver.url, secret)
    hook.start()
    hook.send({"id": "first"})
    assert [receiver.received.get(timeout=30)[0]["webhook-id"] for _ in range(4)] == ["first"] * 4
    hook.send({"id": "second"})
    ids = [receiver.received.get(timeout=30)[0]["webhook-id"] for _ in range(3)]
    assert ids == ["second"] * 3, "two answers of 503 are left, then one of 200"
    assert "webhook: first was not delivered: the answer was 503" in capfd.readouterr().err


def test_an_answer_that_is_no_http_does_not_end_the_thread(
    receiver: Receiver, secret: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as odd:

        def answer() -> None:
            for _ in range(webhook.TRIES):
                connection, _ = odd.accept()
                with connection:
                    connection.recv(1 << 16)
                    connection.sendall(b"no HTTP at all")

        threading.Thread(target=answer, daemon=True).start()
        hook = Webhook(f"http://127.0.0.1:{odd.getsockname()[1]}", secret)
        hook.start()
        hook.send({"id": "first"})
        hook._waiting.join()
    hook.url = receiver.url
    hook.send({"id": "second"})
    assert receiver.received.get(timeout=30)[0]["webhook-id"] == "second"
    assert "first was not delivered: BadStatusLine" in capfd.readouterr().err


def test_a_secret_of_other_programs_is_decoded() -> None:
    assert webhook.key_of("whsec_" + base64.b64encode(b"key").decode()) == b"key"
    assert webhook.key_of(SECRET) == SECRET.encode()
    with pytest.raises(UsageError, match="no base64"):
        webhook.key_of("whsec_ä")


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.org", "file:///etc/passwd", "example.org", "http://"),
        *("https://h/a b", "https://h:port/", "https://h\n"),
    ],
)
def test_only_http_is_called(url: str, secret: Path) -> None:
    with pytest.raises(UsageError, match="--webhook"):
        Webhook(url, secret)


def test_a_secret_that_could_be_guessed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("short\n")
    with pytest.raises(UsageError, match="needs 16 characters"):
        Webhook("https://example.org", tmp_path / "secret")
