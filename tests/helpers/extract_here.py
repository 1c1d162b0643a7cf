"""An Extractor in this process, which saves the start of another one."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from common.errors import VideoError
from common.preprocessing import FaceConfig
from faces.detect import FaceDetector
from faces.sampling import Span
from inference import extractor_process
from inference.answers import End, Window
from inference.extractor import Extractor
from inference.rereader import Rereader
from inference.worker import Task

make_detector = lru_cache(1)(FaceDetector)


class RereaderHere(Rereader):
    def run(self, task: Task) -> Iterator[Any]:
        try:
            yield from task()
        except OSError as error:
            raise VideoError(str(error)) from error


class ExtractorHere(Extractor):
    def __init__(self, timeout: float = 120) -> None:
        super().__init__(timeout)
        self.rereader = RereaderHere(timeout)

    def start(self) -> None: ...

    def expect(self, video: Path, config: FaceConfig, span: Span) -> None: ...

    def extract(
        self, videos: Iterable[Path], config: FaceConfig, span: Span
    ) -> Iterator[Window | End]:
        extractor_process._detector = make_detector(config)
        for video in videos:
            yield (yield from extractor_process.extract(video, span))
