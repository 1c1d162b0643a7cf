"""The types that decoders share: which frames are requested, and the frames returned."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from faces.timeline import Timeline

# Maps a video's timeline to the frame indices wanted from each window, ascending.
ChooseFrames = Callable[[Timeline], list[list[int]]]


@dataclass
class Frames:
    """Sampled frames of one video, or of one window of it."""

    images: list[np.ndarray]  # T images (H, W, 3) uint8 RGB, upright
    indices: list[int]  # T indices in the video
    timeline: Timeline
    decoded: int  # frames up to the last one decoded, or all if no wanted frame was lost
    codec: str = ""  # empty if the decoder does not say
    detail: str = ""  # damage to the file, and other notes; shown to the user
    shrink: int = 1  # by how much the images are smaller than the video, to save memory

    @property
    def seconds(self) -> list[float | None]:
        """When each image is shown; None if the file does not say."""
        return [self.timeline.second(index) for index in self.indices]


class WholeVideo(NamedTuple):
    """All frames of a video."""

    timeline: Timeline
    shrink: int  # by how much the images are smaller than the video
    images: Iterator[tuple[int, np.ndarray]]  # index and image (H, W, 3) uint8 RGB, upright
