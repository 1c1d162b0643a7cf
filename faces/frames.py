"""What decoders are asked for and what they give."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Number of frames in the video, frames per second (0 when unknown) → for each window the indices
# of those wanted, all of them rising
Pick = Callable[[int, float], list[list[int]]]


@dataclass
class Frames:
    """Sampled frames of one video, or of one window of it."""

    images: list[np.ndarray]  # T × (H, W, 3) uint8 RGB, upright
    indices: list[int]  # T, of the frames in the video
    fps: float  # 0.0 when the file does not say
    total: int  # frames that the file promises
    decoded: int  # frames that could be read, or `total` while none was missed
    codec: str = ""  # empty when the decoder does not tell
    detail: str = ""  # what the user should know
