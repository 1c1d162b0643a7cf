"""What a running server consists of; its parts are passed to the routes."""

from dataclasses import dataclass

from fastapi import Request

from inference.scoring_job import ScoringJob
from web.access import Access
from web.judging import Judging
from web.marking import Marking
from web.problems import Problem
from web.settings import Settings
from web.store import Store, Video
from web.uploads import Room


@dataclass(frozen=True)
class Server:
    settings: Settings
    job: ScoringJob
    store: Store
    judging: Judging
    marking: Marking
    access: Access
    room: Room


def of(request: Request) -> Server:
    """Return the server that a request came to."""
    server = request.app.state.server
    assert isinstance(server, Server)
    return server


def owner(request: Request) -> str:
    """Return whose files a request may see. Raise Problem if it bears no valid token."""
    found = of(request).access.owner(request)
    if found is None:
        raise Problem(
            401, "send a token: Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"}
        )
    return found


def video(request: Request, video_id: str) -> Video:
    """Return a file of the request's owner. Raise Problem if there is none."""
    found = of(request).store.find(video_id, owner(request))
    if found is None:
        raise Problem(404, "no such video, or it was deleted")
    return found
