"""A server in this process, with the detector that ships."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import detectors
from faces.sampling import Span
from inference.scoring_job import ScoringJob
from web.settings import Settings

pytest.importorskip("fastapi")
from fastapi.testclient import TestClient

from web.app import make_app

SETTINGS = Settings(
    folder=Path(),
    hosts=("testserver", "localhost"),
    tokens=frozenset(),
    max_upload=2_000_000,
    max_queue=3,
    max_disk=10_000_000,
    keep_hours=1,
)
# The model is loaded once: a job keeps it.
JOB = ScoringJob(
    checkpoint=detectors.find(None),
    backend="torch",
    device="cpu",
    precision="auto",
    prior=0.5,
    faces=None,
    span=Span(60, 600),
    timeout=60,
)
Serve = Callable[..., AbstractContextManager[TestClient]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Return a function that runs a server with other settings in a `with` block."""

    @contextmanager
    def run(**changed: Any) -> Iterator[TestClient]:
        settings = replace(SETTINGS, folder=tmp_path / "serve", **changed)
        with TestClient(make_app(settings, JOB)) as client:
            yield client

    return run


def judged(client: TestClient, video_id: str, seconds: int = 60) -> dict[str, Any]:
    """Return what the server says about a video, when it has a verdict."""
    for _ in range(10 * seconds):
        answer = client.get(f"/v1/videos/{video_id}").json()
        if answer["state"] == "done":
            return answer
        time.sleep(0.1)
    raise AssertionError(f"no verdict within {seconds} s")
