"""An extractor that measures for how long it extracts, and for how long its caller waits."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from common.preprocessing import FaceConfig
from faces.sampling import Span
from inference.answers import End, Window
from inference.extractor import Extractor


class TimedExtractor(Extractor):
    """`worked` are the seconds in which its process extracted, `awaited` those in which the caller
    waited for an answer, since the last call of `reset`."""

    def __init__(self, timeout: float) -> None:
        super().__init__(timeout)
        self.reset()

    def reset(self) -> None:
        """Set both to 0."""
        self.worked = self.awaited = 0.0

    def extract(
        self, videos: Iterable[Path], config: FaceConfig, span: Span
    ) -> Iterator[Window | End]:
        answers = super().extract(videos, config, span)
        while True:
            started = time.perf_counter()
            answer = next(answers, None)
            self.awaited += time.perf_counter() - started
            if answer is None:
                return
            self.worked += answer.seconds
            yield answer
