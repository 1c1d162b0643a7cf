"""The HTTP API that sends files: the report, the video itself, a marked copy of it."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from web import examples, server
from web.examples import PROBLEMS
from web.problems import Problem

router = APIRouter()
# Pictures that browsers show.
PICTURES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
PICTURES |= {".webp": "image/webp", ".gif": "image/gif", ".avif": "image/avif"}
VIDEOS = {".mp4": "video/mp4", ".mov": "video/mp4", ".m4v": "video/mp4"}
VIDEOS |= {".webm": "video/webm", ".mkv": "video/webm", ".ogv": "video/ogg"}
MEDIA_TYPES = (*sorted({*VIDEOS.values(), *PICTURES.values()}), "application/octet-stream")
# The page of a verdict has its styles and pictures in itself, and nothing else.
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


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
