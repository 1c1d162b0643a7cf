"""Recompresses a clip in memory, as JPEG images or as H.264 video, as video platforms do.

Frames are (T, H, W, 3) uint8 RGB.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np

from datasets import clips

RATE = 25  # frames per second that x264's rate control assumes


def jpeg(frames: np.ndarray, quality: int) -> np.ndarray:
    """Recompress every frame as JPEG; `quality` in [1, 100]."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    images = (cv2.cvtColor(frame, cv2.COLOR_RGB2BGR) for frame in frames)
    jpegs = [cv2.imencode(".jpg", image, options)[1].tobytes() for image in images]
    return clips.decode(jpegs).permute(0, 2, 3, 1).numpy()


def video(frames: np.ndarray, crf: int, scale: float, every: int) -> np.ndarray:
    """Compress frames as H.264 and return as many decoded frames of the same size. `crf` in [0, 51]
    is x264's quality, where lower is better. Before encoding, the sides are multiplied by `scale`,
    and only every `every`-th frame is kept. Each kept frame also replaces the dropped frames after
    it."""
    height, width = frames.shape[1:3]
    # H.264 with 4:2:0 chroma needs even sides.
    small_size = [max(2, 2 * round(side * scale / 2)) for side in (width, height)]
    small = [
        cv2.resize(frame, small_size, interpolation=cv2.INTER_AREA) for frame in frames[::every]
    ]
    decoded = decode(encode(small, crf))
    large = [cv2.resize(frame, (width, height)) for frame in decoded]
    return np.repeat(large, every, axis=0)[: len(frames)]


def encode(images: Iterable[np.ndarray], crf: int) -> list[av.Packet]:
    """Return the H.264 packets of images (H, W, 3) uint8 RGB with even sides. x264 runs on one
    thread with its default settings, except for the quality `crf` and for mbtree, which is disabled
    because it makes the output non-deterministic."""
    codec: Any = av.CodecContext.create("libx264", "w")
    codec.pix_fmt, codec.time_base, codec.framerate = "yuv420p", Fraction(1, RATE), RATE
    codec.thread_count = 1  # the loader's worker processes already use all cores
    codec.options = {"crf": str(crf), "x264-params": "mbtree=0"}
    packets = []
    for number, image in enumerate(images):
        codec.height, codec.width = image.shape[:2]
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts = number
        packets += codec.encode(frame)
    return packets + codec.encode()


def decode(packets: list[av.Packet]) -> list[np.ndarray]:
    """Decode H.264 packets to images (H, W, 3) uint8 RGB in presentation order."""
    codec = av.CodecContext.create("h264", "r")
    codec.thread_count = 1
    frames = [frame for packet in [*packets, None] for frame in codec.decode(packet)]
    return [frame.to_ndarray(format="rgb24", threads=1) for frame in frames]
