"""The HTTP API that takes files, as bodies or in forms."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from fastapi import APIRouter, Query, Request, Response
from starlette.formparsers import MultiPartException, MultiPartParser

from web import examples, server, uploads
from web.api import answer
from web.examples import PROBLEMS
from web.problems import Problem
from web.uploads import Upload

router = APIRouter()
PART = 1 << 18  # bytes read at once


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
