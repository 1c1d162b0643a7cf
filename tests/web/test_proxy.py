"""Users that a proxy has signed in."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

from tests.helpers.commands import run_process
from tests.web.conftest import Serve
from web import access

PROXY: dict[str, Any] = {"proxies": ("testclient",), "user_header": "X-User"}
ANNA, BEN = {"X-User": "anna"}, {"X-User": "ben"}


def test_a_user_sees_the_own_videos_only(serve: Serve) -> None:
    with serve(**PROXY) as client:
        assert client.get("/v1/videos").status_code == 401, "the proxy has signed nobody in"
        sent = client.post("/v1/videos", content=b"no video", headers=ANNA).json()
        assert client.get(f"/v1/videos/{sent['id']}", headers=ANNA).status_code == 200
        assert client.get(f"/v1/videos/{sent['id']}", headers=BEN).status_code == 404
        assert not client.get("/v1/videos", headers=BEN).json()["videos"]
        assert "Is this video real?" in client.get("/", headers=BEN).text


def test_nobody_passes_the_proxy_by(serve: Serve) -> None:
    with serve(proxies=("10.0.0.1",), user_header="X-User") as client:
        for path in ("/", "/v1/videos", "/healthz"):
            forged = {**ANNA, "X-Forwarded-For": "10.0.0.1"}
            refused = client.get(path, headers=forged)
            assert refused.status_code == 403 and "through its proxy" in refused.json()["detail"]


def test_an_address_is_the_same_however_it_is_written() -> None:
    assert access.plain_address("0:0:0:0:0:0:0:1") == "::1"
    assert access.plain_address("::ffff:10.0.0.1") == "10.0.0.1"
    assert access.plain_address("testclient") == "testclient"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--behind_proxy", "example.org"), "'example.org' is no IP address"),
        (("--behind_proxy", "127.0.0.1", "--token_file", "x"), "leave out --token_file"),
        (("--tls_key", "x"), "--tls_certificate and --tls_key need each other"),
        (("--webhook", "https://example.org"), "--webhook_secret_file need each other"),
    ],
)
def test_flags_that_contradict_each_other_are_one_line(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    run = run_process("serve.py", *words, "--folder", tmp_path)
    assert run.returncode == 2 and said in run.stderr and len(run.stderr.splitlines()) == 1
