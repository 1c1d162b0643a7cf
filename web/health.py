"""The HTTP API on the server itself: its detector, whether it answers and judges, numbers."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

import detectors
from common.version import VERSION
from web import server
from web.examples import PROBLEMS
from web.problems import Problem

router = APIRouter()


@router.get("/v1/detectors", responses=PROBLEMS)
def list_detectors(request: Request) -> dict[str, Any]:
    """Return the detector that judges, and the names of those that ship."""
    server.owner(request)
    job = server.of(request).job
    return {
        "checkpoint": f"{job.checkpoint.parent.name}/{job.checkpoint.name}",
        "sha256": job.checkpoint_digest,
        "version": VERSION,
        "about": job.judge.detector.about,
        "shipped": detectors.names(),
    }


@router.get("/healthz")
def is_alive() -> dict[str, str]:
    """Say that the server answers."""
    return {"status": "ok"}


@router.get("/readyz", responses=PROBLEMS)
def is_ready(request: Request) -> dict[str, str]:
    """Say whether files are judged."""
    error = server.of(request).judging.error
    if error:
        raise Problem(503, error)
    return {"status": "ready"}


@router.get("/metrics", response_class=PlainTextResponse, responses=PROBLEMS)
def get_metrics(request: Request) -> str:
    """Return numbers for Prometheus: files by verdict, files that wait, bytes that are kept."""
    server.owner(request)
    store = server.of(request).store
    lines = ["# TYPE videos_kept gauge"]
    lines += [f'videos_kept{{verdict="{name}"}} {n}' for name, n in store.counts().items()]
    lines += ["# TYPE videos_waiting gauge", f"videos_waiting {store.waiting()}"]
    lines += ["# TYPE bytes_kept gauge", f"bytes_kept {store.bytes_kept()}"]
    return "\n".join(lines) + "\n"
