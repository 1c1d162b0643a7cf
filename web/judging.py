"""Judges the files that a server has accepted, one after the other, in a thread of its own."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from common.errors import one_line
from inference.extractor import Extractor
from inference.judge import JudgedVideo
from inference.scoring_job import ScoringJob, file_facts
from web.settings import Settings
from web.store import Store, Video

PAUSE = 0.2  # seconds between two looks at an empty queue
AT_ONCE = 256  # files that are given to a cluster together
REMEMBERED = 600.0  # seconds that a verdict is kept if files are deleted at once
SECONDS_TO_END = 20.0  # for the thread, after `stop`


class Cluster(NamedTuple):
    """A Ray cluster that judges."""

    address: str
    device: str  # of its tasks: cpu or cuda; this machine may have no GPU


class Progress(NamedTuple):
    """How far the judging of a file is."""

    share: float  # of its windows, in [0, 1]
    people: int  # found so far


class Judging(threading.Thread):
    """The thread that judges."""

    def __init__(
        self,
        job: ScoringJob,
        store: Store,
        settings: Settings,
        failed: Callable[[str], None],
        judged: Callable[[Video], None],
        cluster: Cluster | None = None,
    ) -> None:
        """`failed` is called with the reason if the thread cannot go on; the files that it had not
        judged stay in the queue. `judged` is called with every file that got a verdict. Without a
        `cluster`, this machine judges."""
        super().__init__(daemon=True)
        self.job, self.store, self.settings = job, store, settings
        self.error: str | None = None  # why nothing is judged any more
        self.progress: dict[str, Progress] = {}  # of the files that are being judged, by their id
        self._failed, self._judged, self._cluster = failed, judged, cluster
        self._stopping = threading.Event()
        self._extractor = Extractor(job.timeout)
        self._working: dict[Path, Video] = {}

    def run(self) -> None:
        try:
            with self._extractor:
                while not self._stopping.wait(PAUSE):
                    for judged in self._judge_queued():
                        if self._stopping.is_set():  # it may be that of a process that `stop` ended
                            return
                        self._finish(judged)
        except Exception as error:  # of whatever library: the server must not go on in silence
            if not self._stopping.is_set():
                self.error = one_line(error)
                self._failed(f"the server cannot judge: {self.error}")

    def stop(self) -> None:
        """End the processes that read files, and wait for the thread. Files without a verdict are
        judged after the next start."""
        self._stopping.set()
        self._extractor.interrupt()
        self.join(SECONDS_TO_END)

    def delete_old(self) -> None:
        """Delete the files, pages and verdicts that are older than the settings allow."""
        kept = self.settings.keep_hours * 3600 or REMEMBERED
        for video in self.store.expired(time.time() - kept):
            self.delete(video.id)

    def delete(self, video_id: str) -> None:
        """Delete all that is stored of a file."""
        self.store.delete(video_id)
        self._delete_files(video_id)

    def _delete_files(self, video_id: str) -> None:
        drafts = self.settings.drafts.glob(f"{video_id}-*.html")
        for path in (self.settings.uploads / video_id, self.page(video_id), *drafts):
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

    def _judge_queued(self) -> Iterator[JudgedVideo]:
        """Judge the files that wait. Results of a cluster have no crops: it writes the pages."""
        if self._cluster is None:
            yield from self.job.judge.judge(self._queued(), self._extractor, self._note_progress)
            return
        files = list(islice(self._queued(), AT_ONCE))
        if files:
            pages = self.settings.drafts.absolute() if self.settings.keep_hours > 0 else None
            names = {str(path.absolute()): self._working[path].name for path in files}
            device = self._cluster.device
            job = replace(self.job, device=device, report=pages, names=names)
            for score in job.run_on_cluster(files, self._cluster.address):
                yield JudgedVideo(score, None)

    def _note_progress(self, share: float, people: int) -> None:
        video = next(iter(self._working.values()))  # they are judged in their order
        self.progress[video.id] = Progress(round(share, 3), people)

    def _finish(self, judged: JudgedVideo) -> None:
        """Store the verdict and write the page."""
        video = self._working.pop(Path(judged.score.video))
        self.progress.pop(video.id, None)
        score = replace(judged.score, video=video.name)
        keeps_files = self.settings.keep_hours > 0
        if keeps_files and self.store.find(video.id, video.owner):
            try:
                self._write_page(video, judged)
            except Exception as error:  # of whatever library: the verdict is kept
                note = f"the report could not be written ({one_line(error)})"
                score = replace(score, detail="; ".join(filter(None, [score.detail, note])))
        self.store.finish(video.id, score.document(self.job.judge.rule))
        done = self.store.find(video.id, video.owner)
        if done is not None:
            self._judged(done)
        if not keeps_files or done is None:  # deleted meanwhile
            with suppress(OSError):
                self._delete_files(video.id)

    def _write_page(self, video: Video, judged: JudgedVideo) -> None:
        if self._cluster is not None:
            for draft in self.settings.drafts.glob(f"{video.id}-*.html"):
                draft.rename(self.page(video.id))
            return
        facts = file_facts(judged.score, self._extractor.rereader)
        self.job.write_page(self.page(video.id), judged, facts, video.name)
