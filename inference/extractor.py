"""Extracts the faces of videos in a worker process, one video ahead of the model.

A video that hangs or crashes the process, or needs too much memory, has a status; the others
continue. Imports nothing slow, so that the process can start before its parent has imported torch.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Self

from common.errors import UsageError
from common.preprocessing import FaceConfig
from faces.sampling import Span
from inference.answers import End, Window
from inference.rereader import Rereader
from inference.worker import Done, Failed, TaskTimeout, Worker, WorkerDied

MODULE = "inference.extractor_process"


class Extractor:
    """A worker process with a face detector. After a video that ends the process, another one is
    started. Use it in a `with` block, at whose end the process ends, whatever it does."""

    def __init__(self, timeout: float) -> None:
        """`timeout` is the limit for each window of a video, and for hashing it, in seconds."""
        self.timeout = timeout
        self.rereader = Rereader(timeout)
        self._worker: Worker | None = None
        self._config: FaceConfig | None = None  # settings of the worker's face detector
        self._expected: tuple[Path, FaceConfig, Span] | None = None  # given to it already
        self._busy = False  # with the videos of a call of `extract`

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes, whatever they do."""
        self._kill()
        self.rereader.close()

    def start(self) -> Worker:
        """Start the process unless it runs, and return at once: it then imports modules while the
        caller loads the model."""
        self._worker = self._worker or Worker(MODULE)
        return self._worker

    def expect(self, video: Path, config: FaceConfig, span: Span) -> None:
        """Let the process work on the first video that `extract` will be called with, and return at
        once: the caller builds the model meanwhile."""
        from inference import extractor_process

        worker = self.start()
        worker.submit(partial(extractor_process.prepare, config))
        worker.submit(partial(extractor_process.extract, video, span))
        self._expected = (video, config, span)

    def extract(
        self, videos: Iterable[Path], config: FaceConfig, span: Span
    ) -> Iterator[Window | End]:
        """Yield the windows of each video and then its End, in order. While the caller uses a
        window, the process works on the next one or on the next video.

        Raise PipelineError if the process cannot start, UsageError if the decoder of `config` is
        not installed, or if the videos of an earlier call are not done.
        """
        from inference import extractor_process

        if self._busy:
            raise UsageError("judge the other videos first: this detector still works on them")
        given_to: Worker | None = None  # the worker that has `video` already
        self._busy = True
        try:
            for video, following in pairwise(chain(videos, [None])):
                assert video is not None
                if self._expected is not None:
                    given_to = self._begun(video, config, span)
                worker = self._prepared(config)
                if worker is not given_to:
                    worker.submit(partial(extractor_process.extract, video, span))
                if following is not None:
                    worker.submit(partial(extractor_process.extract, following, span))
                given_to = worker
                yield from self._answers(worker, video)
        except BaseException:  # also if the caller stops early: answers are on their way
            self._kill()
            raise
        finally:
            self._busy = False

    def interrupt(self) -> None:
        """End the processes, whatever they do. May be called by another thread than the one that
        uses the extractor, which gets the status `unreadable` for its video."""
        for worker in (self._worker, self.rereader.worker):
            if worker is not None:
                worker.interrupt()

    def sha256(self, video: Path) -> str:
        """Return the SHA-256 of a file; empty if it cannot be read within the time limit."""
        from inference import extractor_process

        worker = self._prepared(self._config or FaceConfig())
        worker.submit(partial(extractor_process.hash_file, video))
        (end,) = self._answers(worker, video)
        assert isinstance(end, End)
        return end.sha256

    def _begun(self, video: Path, config: FaceConfig, span: Span) -> Worker | None:
        """Return the worker if it works on `video` already, as `expect` asked for. If it works on
        something else, end it and return None."""
        expected, self._expected = self._expected, None
        if expected != (video, config, span):
            self._kill()
            return None
        self.start().confirm()
        self._config = config
        return self._worker

    def _prepared(self, config: FaceConfig) -> Worker:
        """Return the worker, with a face detector with the settings `config`."""
        from inference import extractor_process

        worker = self.start()
        if config != self._config:
            worker.begin(partial(extractor_process.prepare, config))
            self._config = config
        return worker

    def _answers(self, worker: Worker, video: Path) -> Iterator[Window | End]:
        """Yield the answers to the first task that is not done, which is about `video`."""
        answer: Window | Done | Failed
        try:
            while isinstance(answer := worker.receive(self.timeout), Window):
                yield answer
        except TaskTimeout as error:
            self._kill()
            yield End(video, seconds=self.timeout, status="timeout", detail=str(error))
        except WorkerDied as death:
            self._kill()
            yield End(video, status="unreadable", detail=str(death))
        else:
            failed = isinstance(answer, Failed)
            yield End(video, status="unreadable", detail=answer.reason) if failed else answer.result

    def _kill(self) -> None:
        if self._worker is not None:
            self._worker.kill()
        self._worker = self._config = None
