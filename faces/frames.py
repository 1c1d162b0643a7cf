"""The types that decoders share: which frames are requested, and the frames returned."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Maps a video's number of frames and frames per second (0 if unknown) to the frame indices wanted
# from each window, ascending.
ChooseFrames = Callable[[int, float], list[list[int]]]


@dataclass
class Frames:
    """Sampled frames of one video, or of one window of it."""

    images: list[np.ndarray]  # T images (H, W, 3) uint8 RGB, upright
    indices: list[int]  # T indices in the video
    fps: float  # 0.0 if the file does not say
    total: int  # frames that the file declares
    decoded: int  # frames up to the last one decoded, or `total` if no wanted frame was lost
    codec: str = ""  # empty if the decoder does not say
    detail: str = ""  # damage to the file; shown to the user
