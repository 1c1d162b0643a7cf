"""Makes marked copies of judged videos, on request, one at a time."""

import secrets
import shutil
import threading
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from common.errors import VideoError
from inference import marked_video
from inference.rereader import Rereader
from inference.scoring_job import ScoringJob
from inference.video_score import VideoScore
from web.problems import Problem
from web.settings import Settings
from web.store import Video
from web.uploads import RETRY

KEPT = 600.0  # seconds after which a copy that nobody has fetched is deleted


class Marking:
    """A process that marks videos; the first request starts it."""

    def __init__(self, job: ScoringJob, settings: Settings) -> None:
        self._settings, self._span = settings, job.span
        self._rereader = Rereader(job.timeout)
        self._lock = threading.Lock()

    def write(self, video: Video) -> Path:
        """Write a marked copy of a judged video and return its path; the caller deletes it. Raise
        Problem if the video is not kept or cannot be marked, or while another one is marked."""
        source = self._settings.uploads / video.id
        if not source.is_file() or video.result is None:
            raise Problem(404, "the file was deleted")
        score = replace(VideoScore.from_document(video.result), video=str(source))
        folder = self._settings.marked / secrets.token_hex(8)
        if not self._lock.acquire(blocking=False):
            raise Problem(429, "another video is being marked", {"Retry-After": RETRY})
        try:
            folder.mkdir()
            for _ in self._rereader.run(partial(marked_video.write, folder, score, self._span)):
                pass
            (made,) = folder.iterdir()
            return made.rename(folder.with_suffix(".mp4"))
        except VideoError as error:
            raise Problem(404, f"it cannot be marked: {error}") from error
        finally:
            self._lock.release()
            shutil.rmtree(folder, ignore_errors=True)

    def delete_old(self, age: float = KEPT) -> None:
        """Delete copies of requests that have ended without fetching them, or of a server that was
        killed, older than `age` seconds; none while one is made."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            for path in self._settings.marked.iterdir():
                with suppress(FileNotFoundError):  # it was sent just now
                    if path.stat().st_mtime <= time.time() - age:
                        shutil.rmtree(path) if path.is_dir() else path.unlink()
        finally:
            self._lock.release()

    def close(self) -> None:
        self._rereader.close()
