"""Judges the files that a server has accepted, one after the other, in a thread of its own."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from common.errors import PipelineError, VideoError
from inference.extractor import Extractor
from inference.judge import JudgedVideo
from inference.scoring_job import ScoringJob, file_facts
from inference.video_score import VideoScore
from web.settings import Settings
from web.store import Store, Video

PAUSE = 0.2  # seconds between two looks at an empty queue
SWEEP = 60.0  # seconds between two deletions of old files
REMEMBERED = 600.0  # seconds that a verdict is kept if files are deleted at once


class Judging(threading.Thread):
    """The thread that judges. `stop` ends it after the file that it works on."""

    def __init__(self, job: ScoringJob, store: Store, settings: Settings) -> None:
        super().__init__(daemon=True)
        self.job, self.store, self.settings = job, store, settings
        self.ready = threading.Event()  # the model is loaded
        self.error: str | None = None  # why nothing is judged any more
        self._stopping = threading.Event()
        self._working: dict[Path, Video] = {}
        self._swept = 0.0

    def run(self) -> None:
        try:
            with Extractor(self.job.timeout) as extractor:
                extractor.start()  # imports modules while the model is loaded
                judge = self.job.judge
                self.ready.set()
                while not self._stopping.wait(PAUSE):
                    self.delete_old()
                    for judged in judge.judge(self._queued(), extractor):
                        self._finish(judged, extractor)
        except (PipelineError, OSError) as error:
            self.error = str(error)
            self.ready.clear()

    def stop(self) -> None:
        self._stopping.set()

    def delete_old(self) -> None:
        """Delete the files, pages and verdicts that are older than the settings allow."""
        now = time.time()
        if now - self._swept < SWEEP:
            return
        self._swept = now
        kept = self.settings.keep_hours * 3600 or REMEMBERED
        for video in self.store.expired(now - kept):
            self.delete(video.id)

    def delete(self, video_id: str) -> None:
        """Delete all that is stored of a file."""
        self.store.delete(video_id)
        for path in (self.settings.uploads / video_id, self.page(video_id)):
            path.unlink(missing_ok=True)

    def page(self, video_id: str) -> Path:
        """Return the path of the page that explains the verdict on a file."""
        return self.settings.pages / f"{video_id}.html"

    def _queued(self) -> Iterator[Path]:
        """Yield the files that wait. The next one is read while the model scores the one before."""
        while not self._stopping.is_set() and (video := self.store.take()):
            path = self.settings.uploads / video.id
            self._working[path] = video
            yield path

    def _finish(self, judged: JudgedVideo, extractor: Extractor) -> None:
        """Store the verdict and write the page."""
        path = Path(judged.score.video)
        video = self._working.pop(path)
        score = replace(judged.score, video=video.name)
        keeps_files = self.settings.keep_hours > 0
        if keeps_files and self.store.find(video.id, video.owner):
            try:
                self._write_page(video, judged, score, extractor)
            except (OSError, VideoError) as error:  # the verdict is kept
                warning = f"page not written: {error}"
                score = replace(score, warnings=[*score.warnings, warning])
        even = score.p_fake_even(self.job.judge.rule)
        self.store.finish(video.id, score.to_dict() | {"p_fake_even": even})
        if not keeps_files or not self.store.find(video.id, video.owner):  # deleted meanwhile
            for made in (path, self.page(video.id)):
                with suppress(OSError):
                    made.unlink(missing_ok=True)

    def _write_page(
        self, video: Video, judged: JudgedVideo, score: VideoScore, extractor: Extractor
    ) -> None:
        facts = file_facts(judged.score, extractor.rereader) | {"file": video.name}
        self.job.write_page(self.page(video.id), judged._replace(score=score), facts)
