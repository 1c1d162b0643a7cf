"""Makes the web application: routes, checks of every request, and the thread that judges."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from common.version import VERSION
from inference.scoring_job import ScoringJob
from web import api, pages
from web.access import Access
from web.judging import Judging
from web.problems import as_problem
from web.server import Server
from web.settings import Settings
from web.store import Store


def make_app(settings: Settings, job: ScoringJob) -> FastAPI:
    """Return the application. Its thread judges while the application runs. Raise OSError or
    DataError if the folder of the settings cannot be used."""
    for folder in (settings.folder, settings.uploads, settings.pages):
        folder.mkdir(parents=True, exist_ok=True)
    store = Store(settings.folder / "videos.sqlite")
    judging = Judging(job, store, settings)
    _delete_strays(settings, store.ids())
    access = Access(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        judging.start()
        yield
        judging.stop()

    app = FastAPI(
        title="Video deepfake detection",
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,  # it loads scripts from another server
        redoc_url=None,
    )
    app.state.server = Server(settings, job, store, judging, access)
    app.include_router(api.router)
    app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")))
    app.middleware("http")(access.check)
    app.add_exception_handler(HTTPException, as_problem)
    app.add_exception_handler(RequestValidationError, as_problem)
    return app


def _delete_strays(settings: Settings, known: set[str]) -> None:
    """Delete files that no accepted video has: a killed server was receiving or deleting them."""
    for path in (*settings.uploads.iterdir(), *settings.pages.iterdir()):
        if path.stem not in known:
            path.unlink()
