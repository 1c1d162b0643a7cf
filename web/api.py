"""The HTTP API: send a file, ask for its verdict, list, delete; and the server's state."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse
from starlette.background import BackgroundTask
from starlette.formparsers import MultiPartException, MultiPartParser

import detectors
from common.version import VERSION
from web import examples, server, uploads
from web.problems import Problem
from web.store import PAGE, Video
from web.uploads import Upload

router = APIRouter()
Verdicts = Literal["real", "fake", "uncertain", "no_face", "unreadable", "timeout"]
PART = 1 << 18  # bytes read at once
EVENTS = 0.5  # seconds between two looks at a video's state
MAX_EVENTS = 3600  # seconds that one stream of events lasts
# Pictures that browsers show.
PICTURES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
PICTURES |= {".webp": "image/webp", ".gif": "image/gif", ".avif": "image/avif"}
VIDEOS = {".mp4": "video/mp4", ".mov": "video/mp4", ".m4v": "video/mp4"}
VIDEOS |= {".webm": "video/webm", ".mkv": "video/webm", ".ogv": "video/ogg"}
MEDIA_TYPES = (*sorted({*VIDEOS.values(), *PICTURES.values()}), "application/octet-stream")
# The page of a verdict has its styles and pictures in itself, and nothing else.
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {"application/problem+json": {}}}
    for status, text in (
        (400, "the file is empty, or the request damaged"),
        (401, "no valid token"),
        (403, "the request comes from another page"),
        (404, "no such video"),
        (408, "the client is too slow"),
        (409, "there is no verdict yet"),
        (413, "the file is too large"),
        (415, "a form without files"),
        (421, "not a name of this server"),
        (422, "a parameter is invalid"),
        (429, "too many files wait: try again later"),
        (503, "the server cannot judge"),
        (507, "the disk is full"),
    )
}


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


@router.post(
    "/v1/videos",
    status_code=202,
    openapi_extra=examples.UPLOAD,
    responses=PROBLEMS
    | examples.answers(200, examples.VIDEO, "the same content was judged before")
    | examples.answers(202, examples.QUEUED, "it will be judged"),
)
async def send_video(
    request: Request, response: Response, name: str = Query("video", max_length=1000)
) -> dict[str, Any]:
    """Send a file as the body, with its name in `?name=`, or as the file of a form."""
    owner = server.owner(request)
    found = server.of(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        raise Problem(415, "send the file as the body, or as the file of a multipart form")
    with found.room.reserved(size_to_reserve(request)):
        if kind == "multipart/form-data":
            upload, name = await _from_form(request)
        else:
            upload = await uploads.receive(aiter(request.stream()), found.settings)
        return await _accept(request, response, upload, owner, uploads.clean_name(name))


async def _accept(
    request: Request, response: Response, upload: Upload, owner: str, name: str
) -> dict[str, Any]:
    """Queue a file that has arrived, unless it was judged before."""
    store = server.of(request).store
    before = await asyncio.to_thread(store.judged_before, upload.sha256, owner)
    if before is not None:  # the same content has the same verdict
        upload.path.unlink()
        response.status_code = 200
        return answer(request, before)
    try:
        arguments = (upload.id, owner, name, upload.size, upload.sha256)
        video = await asyncio.to_thread(store.add, *arguments)
    except BaseException:
        upload.path.unlink(missing_ok=True)
        raise
    response.headers["Location"] = f"/v1/videos/{video.id}"
    return answer(request, video)


def size_to_reserve(request: Request) -> int:
    """Return how large the file of a request is at most, in bytes. Raise Problem if it is too
    large, or if nothing is judged any more."""
    found = server.of(request)
    most = found.settings.max_upload
    if found.judging.error:
        raise Problem(503, f"the server cannot judge: {found.judging.error}")
    size = request.headers.get("content-length", "")
    if not size.isdigit():
        return most
    if int(size) > most + PART:
        raise Problem(413, f"the file is larger than {most:,} bytes")
    return min(int(size), most)


async def _from_form(request: Request) -> tuple[Upload, str]:
    """Return the first file of a form, and its name. Raise Problem if there is none."""
    settings = server.of(request).settings
    parser = MultiPartParser(
        request.headers, _limited(request, settings.max_upload + PART), max_files=1, max_fields=10
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise Problem(400, f"the form is damaged, or has several files: {error}") from error
    file = next((value for _, value in form.multi_items() if not isinstance(value, str)), None)
    if file is None:
        raise Problem(400, "the form has no file")

    async def parts() -> AsyncIterator[bytes]:
        while part := await file.read(PART):
            yield part

    try:
        return await uploads.receive(parts(), settings), file.filename or "video"
    finally:
        await form.close()


async def _limited(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    """Yield the body of a request. Raise Problem if it is longer than `most` bytes."""
    size = 0
    async for part in uploads.in_time(aiter(request.stream())):
        size += len(part)
        if size > most:
            raise Problem(413, f"the file is larger than {most - PART:,} bytes")
        yield part


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
    "/v1/videos/{video_id}/report",
    response_class=Response,
    responses=PROBLEMS | examples.files(200, "the page", "text/html"),
)
def get_report(request: Request, video_id: str, download: bool = False) -> Response:
    """Return the page that explains the verdict."""
    video = server.video(request, video_id)
    path = server.of(request).judging.page(video.id)
    if video.state != "done":
        raise Problem(409, "there is no verdict yet")
    headers = {"Content-Security-Policy": PAGE_POLICY}
    name = f"{Path(video.name).stem}.html" if download else None
    return _file(path, "text/html; charset=utf-8", headers, name)


@router.get(
    "/v1/videos/{video_id}/file",
    response_class=Response,
    responses=PROBLEMS
    | examples.files(200, "the file", *MEDIA_TYPES)
    | examples.files(206, "a part of it", *MEDIA_TYPES)
    | {416: {"description": "the file has no such part"}},
)
def get_file(request: Request, video_id: str) -> Response:
    """Return the file, or the part of it that a player asks for."""
    video = server.video(request, video_id)
    path = server.of(request).settings.uploads / video.id
    headers = {"Content-Security-Policy": "default-src 'none'; sandbox"}
    return _file(path, _media_type(video.name), headers, None)


def _media_type(name: str) -> str:
    """Return the type of a file that a player may play; a text or a page is never shown as one."""
    return (VIDEOS | PICTURES).get(Path(name).suffix.lower(), "application/octet-stream")


def _file(path: Path, kind: str, headers: dict[str, str], download: str | None) -> Response:
    if not path.is_file():
        raise Problem(404, "it was deleted, or never made")
    return FileResponse(path, media_type=kind, headers=headers, filename=download)


@router.get(
    "/v1/videos/{video_id}/marked.mp4",
    response_class=Response,
    responses=PROBLEMS
    | examples.files(200, "the marked copy", "video/mp4")
    | examples.files(206, "a part of it", "video/mp4")
    | {416: {"description": "it has no such part"}},
)
def get_marked(request: Request, video_id: str) -> Response:
    """Return a copy of the judged part with boxes and p_fake drawn on its frames, made anew."""
    video = server.video(request, video_id)
    found = server.of(request)
    if video.result is None:
        raise Problem(409, "there is no verdict yet")
    if not video.result["people"]:
        raise Problem(404, "nobody was judged in it")
    path = found.marking.write(video)
    name = f"{Path(video.name).stem}_marked.mp4"
    delete = BackgroundTask(path.unlink, missing_ok=True)
    return FileResponse(path, media_type="video/mp4", filename=name, background=delete)


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
