"""Makes the web application: routes, checks of every request, and the thread that judges."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from common.errors import PipelineError, UsageError, one_line
from common.version import VERSION
from inference.scoring_job import ScoringJob
from web import api, health, media, pages, sending
from web.access import Access
from web.judging import Cluster, Judging
from web.marking import Marking
from web.problems import as_problem, handle_failure
from web.server import Server
from web.settings import Settings
from web.store import Store, Video
from web.uploads import Room, is_own
from web.webhook import Webhook

SWEEP = 60.0  # seconds between two deletions of old files


def make_app(
    settings: Settings,
    job: ScoringJob,
    failed: Callable[[str], None] = print,
    webhook: Webhook | None = None,
    cluster: Cluster | None = None,
) -> FastAPI:
    """Return the application. Its thread judges while the application runs; if it cannot go on, it
    calls `failed` with the reason. Verdicts are sent to the `webhook`, if there is one. The
    `cluster` judges, unless it is None. Raise OSError, DataError or UsageError if the folder of the
    settings cannot be used."""
    for folder in (settings.uploads, settings.pages, settings.marked, settings.drafts):
        folder.mkdir(parents=True, exist_ok=True)
    influences = f"{job.checkpoint_digest} {job.influences}"
    store = Store(settings.folder / "videos.sqlite", influences, forget=settings.keep_hours == 0)

    def judged(video: Video) -> None:
        if webhook is not None:
            webhook.send(api.describe(video))

    judging = Judging(job, store, settings, failed, judged, cluster)
    _delete_strays(settings, store.ids())
    access, marking = Access(settings), Marking(job, settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        judging.start()
        if webhook is not None:
            webhook.start()
        cleaner = asyncio.create_task(_delete_old(judging, marking))
        yield
        cleaner.cancel()
        await asyncio.to_thread(judging.stop)
        marking.close()

    app = FastAPI(
        title="Video deepfake detection",
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,  # it loads scripts from another server
        redoc_url=None,
    )
    app.state.server = Server(settings, job, store, judging, marking, access, Room(settings, store))
    for part in (sending, api, media, health, pages):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")))
    app.middleware("http")(access.check)
    app.add_exception_handler(HTTPException, as_problem)
    app.add_exception_handler(RequestValidationError, as_problem)
    for kind in (OSError, PipelineError, ClientDisconnect):
        app.add_exception_handler(kind, handle_failure)
    return app


async def _delete_old(judging: Judging, marking: Marking) -> None:
    while True:
        for delete_old in (judging.delete_old, marking.delete_old):
            try:
                await asyncio.to_thread(delete_old)
            except Exception as error:  # of whatever library: faces must not stay for ever
                print(f"old files are not deleted yet: {one_line(error)}", file=sys.stderr)
        await asyncio.sleep(SWEEP)


def _delete_strays(settings: Settings, known: set[str]) -> None:
    """Delete files that no accepted video has: a killed server was receiving or deleting them.
    Raise UsageError, before anything is deleted, if there are others."""
    paths = [*settings.uploads.iterdir(), *settings.pages.iterdir()]
    foreign = [path for path in paths if not is_own(path)]
    if foreign:
        raise UsageError(f"--folder: {foreign[0]} is not of this program: choose an empty folder")
    for path in [*(path for path in paths if path.stem not in known), *settings.drafts.iterdir()]:
        path.unlink()
