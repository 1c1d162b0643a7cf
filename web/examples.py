"""What the description of the API (/openapi.json) says of bodies and answers."""

from typing import Any

VIDEO: dict[str, Any] = {
    "id": "Zk3vY0o1cW9mTzQ5bXZxQg",
    "name": "clip.mp4",
    "size": 1843200,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "state": "done",
    "position": None,
    "progress": None,
    "created": 1800000000.0,
    "finished": 1800000003.2,
    "result": {
        "video": "clip.mp4",
        "verdict": "uncertain",
        "p_fake": 0.41,
        "p_fake_even": 0.41,
        "frames": 16,
        "seconds": 3.0,
        "detail": "",
        "warnings": [],
        "people": [
            {
                "person": 1,
                "verdict": "uncertain",
                "p_fake": 0.41,
                "frames": [
                    {
                        "index": 0,
                        "seconds": 0.0,
                        "box": [812.0, 190.5, 1020.4, 455.1],
                        "confidence": 0.9998,
                        "p_fake": 0.38,
                    }
                ],
            }
        ],
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    },
}
QUEUED = VIDEO | {"state": "queued", "position": 2, "finished": None, "result": None}
UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}

EVENT = {"type": "object", "properties": {"data": {"type": "string"}}}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "a stream of states", "content": {"text/event-stream": {"schema": EVENT}}}
}

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


def answers(status: int, example: dict[str, Any], text: str) -> dict[int | str, dict[str, Any]]:
    """Return the description of a JSON answer."""
    content = {"application/json": {"schema": {"type": "object"}, "example": example}}
    return {status: {"description": text, "content": content}}


def files(status: int, text: str, *types: str) -> dict[int | str, dict[str, Any]]:
    """Return the description of an answer that is a file of one of the media types."""
    schema = {"schema": {"type": "string", "format": "binary"}}
    return {status: {"description": text, "content": dict.fromkeys(types, schema)}}
