"""When the frames of a video are shown: from a frame's index to seconds, and back."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

ROUNDING = 1e-6  # tolerance: 600 s at 29.97 frames per second must not count as more than 600 s


@dataclass(frozen=True)
class Timeline:
    """The frames of a video, and when each is shown."""

    total: int  # frames
    fps: float  # frames per second that the file states; 0.0 if it does not
    times: Sequence[float] = ()  # seconds since the first frame, ascending; () if unknown
    rate: float = field(init=False)  # frames per second; 0.0 if it is unknown or varies

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", _rate(self.times, self.fps))

    @property
    def known(self) -> bool:
        """Whether there are seconds at all."""
        return self.rate > 0 or len(self.times) > 1

    @property
    def seconds(self) -> float:
        """How long the video is shown; 0.0 if unknown."""
        if self.rate:
            return self.total / self.rate
        # The last frame is shown as long as the others are on average.
        return self.times[-1] * len(self.times) / (len(self.times) - 1) if self.known else 0.0

    def second(self, index: int) -> float | None:
        """Return when the frame `index` is shown; None if unknown."""
        if index < len(self.times):
            return self.times[index]
        return index / self.rate if self.rate else None

    def frames_before(self, second: float) -> int:
        """Return how many frames are shown before `second` > 0, the first one always; all of them
        if nothing is known. With a steady rate, the last one is left out if `second` cuts it."""
        if self.rate:
            before = math.floor(min(self.total, second * self.rate) + ROUNDING)
            return min(self.total, max(1, before))
        before = bisect_left(self.times, second - ROUNDING)
        return self.total if before == len(self.times) else before


def _rate(times: Sequence[float], fps: float) -> float:
    """Return the frames per second of frames that follow one another steadily, 0.0 for others: the
    file's own statement `fps`, unless it is off by more than 1 %."""
    if len(times) < 2:
        return fps
    import numpy as np  # slow to import

    step = times[-1] / (len(times) - 1)
    drift = np.abs(np.asarray(times) - step * np.arange(len(times)))
    if step <= 0 or drift.max() > step:
        return 0.0
    return fps if abs(fps * step - 1) < 0.01 else 1 / step
