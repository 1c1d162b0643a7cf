"""What publishing does to a clip: compressed once more, as images or as a video, in memory.

Frames are (T, H, W, 3) uint8 RGB.
"""

from collections.abc import Iterable
from fractions import Fraction

import av
import cv2
import numpy as np

from datasets import clips

RATE = 25  # frames per second that x264 spreads its bits for


def jpeg(frames: np.ndarray, quality: int) -> np.ndarray:
    """Every frame through JPEG; `quality` in [1, 100]."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    images = (cv2.cvtColor(frame, cv2.COLOR_RGB2BGR) for frame in frames)
    jpegs = [cv2.imencode(".jpg", image, options)[1].tobytes() for image in images]
    return clips.decode(jpegs).permute(0, 2, 3, 1).numpy()


def video(frames: np.ndarray, crf: int, scale: float, every: int) -> np.ndarray:
    """Through H.264 with x264's quality `crf` in [0, 51], sides `scale` times as long, and every
    `every`-th frame only, which then stands for those that were dropped."""
    height, width = frames.shape[1:3]
    # H.264 with half the colours (4:2:0) needs even sides.
    small_size = [max(2, 2 * round(side * scale / 2)) for side in (width, height)]
    small = [
        cv2.resize(frame, small_size, interpolation=cv2.INTER_AREA) for frame in frames[::every]
    ]
    decoded = decode(encode(small, crf))
    large = [cv2.resize(frame, (width, height)) for frame in decoded]
    return np.repeat(large, every, axis=0)[: len(frames)]


def encode(images: Iterable[np.ndarray], crf: int) -> list[av.Packet]:
    """Images (H, W, 3) uint8 RGB of even sides → H.264, with x264's other settings as they come but
    one: with mbtree the same images gave other bytes now and then."""
    codec = av.CodecContext.create("libx264", "w")
    codec.pix_fmt, codec.time_base, codec.framerate = "yuv420p", Fraction(1, RATE), RATE
    codec.thread_count = 1  # loader processes fill the cores
    codec.options = {"crf": str(crf), "x264-params": "mbtree=0"}
    packets = []
    for number, image in enumerate(images):
        codec.height, codec.width = image.shape[:2]
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts = number
        packets += codec.encode(frame)
    return packets + codec.encode()


def decode(packets: list[av.Packet]) -> list[np.ndarray]:
    """H.264 → images (H, W, 3) uint8 RGB in time's order."""
    codec = av.CodecContext.create("h264", "r")
    codec.thread_count = 1
    frames = [frame for packet in [*packets, None] for frame in codec.decode(packet)]
    return [frame.to_ndarray(format="rgb24", threads=1) for frame in frames]
