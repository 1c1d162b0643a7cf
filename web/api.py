"""The HTTP API on files that were sent: their verdicts, lists, events, deletion."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from web import examples, server
from web.examples import PROBLEMS
from web.problems import Problem
from web.store import PAGE, Video

router = APIRouter()
Verdicts = Literal["real", "fake", "uncertain", "no_face", "unreadable", "timeout"]
EVENTS = 0.5  # seconds between two looks at a video's state
MAX_EVENTS = 3600  # seconds that one stream of events lasts


def answer(request: Request, video: Video) -> dict[str, Any]:
    """Return what the API says about a file."""
    found = server.of(request)
    position = found.store.position(video) if video.state == "queued" else None
    progress = found.judging.progress.get(video.id)
    return describe(video) | {
        "position": position,
        "progress": progress._asdict() if progress and video.state != "done" else None,
    }


def describe(video: Video) -> dict[str, Any]:
    """Return what is known of a file itself."""
    return {
        "id": video.id,
        "name": video.name,
        "size": video.size,
        "sha256": video.sha256,
        "state": video.state,
        "created": video.created,
        "finished": video.finished,
        "result": video.result,
    }


@router.get(
    "/v1/videos",
    responses=PROBLEMS
    | examples.answers(200, {"videos": [examples.VIDEO], "cursor": None}, "files and a cursor"),
)
def list_videos(
    request: Request,
    verdict: Verdicts | None = None,
    name: str = Query("", max_length=200),
    cursor: int | None = Query(None, ge=0, le=2**62),
) -> dict[str, Any]:
    """Return files, the newest first, and the `cursor` with which the next ones are asked for."""
    found = server.of(request).store.page(server.owner(request), verdict, name, cursor)
    more = found[-1].number if len(found) == PAGE else None
    return {"videos": [answer(request, video) for video in found], "cursor": more}


@router.get(
    "/v1/videos/{video_id}",
    responses=PROBLEMS | examples.answers(200, examples.VIDEO, "the file and its verdict"),
)
def get_video(request: Request, video_id: str) -> dict[str, Any]:
    """Return the state of a file and, when it is done, the same result as score.py's JSON."""
    return answer(request, server.video(request, video_id))


@router.get(
    "/v1/videos/{video_id}/events",
    response_class=StreamingResponse,
    responses=PROBLEMS | examples.EVENTS,
)
def get_events(request: Request, video_id: str) -> StreamingResponse:
    """Stream the state of a file as server-sent events, whenever it changes, until it is done."""
    server.video(request, video_id)

    async def events() -> AsyncIterator[str]:
        last = ""
        for _ in range(int(MAX_EVENTS / EVENTS)):
            try:
                known = await asyncio.to_thread(get_video, request, video_id)
            except Problem:
                yield 'data: {"state": "deleted"}\n\n'
                return
            now = json.dumps({name: known[name] for name in ("state", "position", "progress")})
            if now != last:
                yield f"data: {now}\n\n"
            if known["state"] == "done" or await request.is_disconnected():
                return
            last = now
            await asyncio.sleep(EVENTS)

    return StreamingResponse(events(), media_type="text/event-stream")


@router.delete("/v1/videos/{video_id}", status_code=204, responses=PROBLEMS)
def delete_video(request: Request, video_id: str) -> None:
    """Delete a file, its verdict and its page."""
    server.of(request).judging.delete(server.video(request, video_id).id)
