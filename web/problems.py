"""Errors of the API as problem details (RFC 9457)."""

from http import HTTPStatus

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from common.errors import PipelineError


class Problem(HTTPException):
    """An answer that says what is wrong and what to do."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, detail, headers)


async def handle_failure(request: Request, error: Exception) -> Response:
    """Return an answer for a full disk, a damaged store, or a client that is gone."""
    if isinstance(error, OSError):
        return await as_problem(
            request, Problem(507, f"the file cannot be stored: {error.strerror}")
        )
    if isinstance(error, PipelineError):
        return await as_problem(request, Problem(503, str(error)))
    return Response(status_code=499)  # nobody reads it


async def as_problem(_: Request, error: Exception) -> JSONResponse:
    """Return an exception as application/problem+json."""
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        error = Problem(422, f"{name}: {first['msg']}")
    assert isinstance(error, HTTPException)
    body = {
        "type": "about:blank",
        "title": HTTPStatus(error.status_code).phrase,
        "status": error.status_code,
        "detail": error.detail,
    }
    return JSONResponse(
        body, error.status_code, error.headers, media_type="application/problem+json"
    )
