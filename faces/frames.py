"""What decoders are asked for and what they return."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Number of frames of the video, frames per second (0 if unknown) → the frame indices wanted from
# each window, ascending.
ChooseFrames = Callable[[int, float], list[list[int]]]


@dataclass
class Frames:
    """Sampled frames of one video, or of one window of it."""

    images: list[np.ndarray]  # T × (H, W, 3) uint8 RGB, upright
    indices: list[int]  # T, in the video
    fps: float  # 0.0 if the file does not say
    total: int  # frames that the file declares
    decoded: int  # frames that were decoded, or `total` if none was lost
    codec: str = ""  # empty if the decoder does not say
    detail: str = ""  # for the user, such as damage
