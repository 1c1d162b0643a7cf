"""Frames out of a video file: (T, H, W, 3) uint8 RGB, upright. One small function a decoder.

Both decoders run on one thread: extraction uses one process per core instead, and scoring
must see the same pixels as training did.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from errors import UsageError, VideoError
from faces import sampling

# A damaged file is a row with a reason; FFmpeg's and OpenCV's own words would only garble the
# table. FFmpeg's level is read when the first file is opened.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

# Above this many frames an index is not believed (a day at 60 fps is 5.2 million).
MAX_FRAMES = 10_000_000


@dataclass
class Frames:
    """The sampled frames of one video."""

    images: list[np.ndarray]  # T × (H, W, 3) uint8 RGB, upright
    indices: list[int]  # T, of the frames in the video
    fps: float  # 0.0 when the file does not say
    total: int  # frames that the file promises
    decoded: int  # frames that could be read, up to the last one wanted
    detail: str  # what the user should know, or ""


def read_frames(path: Path, wanted: int, decoder: str) -> Frames:
    """Decode `wanted` evenly spaced frames of `path`.

    Raise VideoError when the file holds no video or less than half of its frames can be
    read. When only the tail is lost, the frames before it are returned and `detail` says so.
    """
    if not path.is_file():
        raise VideoError("not a file")
    if path.stat().st_size == 0:
        raise VideoError("the file is empty")
    frames = READERS[decoder](path, wanted)
    if not frames.images:
        raise VideoError("not one frame could be decoded")
    if frames.decoded < frames.total:
        if 2 * frames.decoded < frames.total:
            raise VideoError(f"only {frames.decoded} of {frames.total} frames could be decoded")
        frames.detail = f"damaged: {frames.decoded} of {frames.total} frames could be decoded"
    return frames


def _read_opencv(path: Path, wanted: int) -> Frames:
    capture = _open(path)
    total = _count(path)
    indices = sampling.uniform(total, wanted)
    images: list[np.ndarray] = []
    found: list[int] = []
    position = 0
    try:
        fps = capture.get(cv2.CAP_PROP_FPS)
        for index in indices:
            # Skipped frames are decoded but not converted: seeking is inexact in many files.
            while position <= index and capture.grab():
                position += 1
            if position <= index:
                break
            read, image = capture.retrieve()
            if read and image is not None:
                images.append(cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image))
                found.append(index)
    finally:
        capture.release()
    complete = len(found) == len(indices)
    fps = float(fps) if np.isfinite(fps) and fps > 0 else 0.0
    return Frames(images, found, fps, total, total if complete else position, "")


def _count(path: Path) -> int:
    """Frames that the file holds: as its index says (MP4), or its packets, counted without
    decoding. OpenCV's count is duration times rate: wrong for long sound or a varying rate."""
    try:
        with av.open(str(path.absolute())) as container:
            stream = container.streams.video[0]
            if 0 < stream.frames <= MAX_FRAMES:
                return stream.frames
            return sum(1 for packet in container.demux(stream) if packet.size)
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise VideoError("no video stream that FFmpeg can open") from error


def _open(path: Path) -> cv2.VideoCapture:
    # CAP_FFMPEG alone: OpenCV's other backends take "img_001.png" for a picture sequence.
    # The absolute path: FFmpeg takes a name with a colon or a leading dash for something else.
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    if not capture.isOpened():
        raise VideoError("no video stream that FFmpeg can open")
    return capture


def _read_decord(path: Path, wanted: int) -> Frames:
    """Unlike OpenCV, decord refuses most files whose tail is lost."""
    try:
        import decord
    except ImportError as error:
        raise UsageError(
            "decord is not installed (its wheels are for x86-64 only): use --decoder opencv"
        ) from error
    decord.logging.set_level(decord.logging.QUIET)
    try:
        reader = decord.VideoReader(str(path.absolute()), ctx=decord.cpu(0), num_threads=1)
        total, fps = len(reader), float(reader.get_avg_fps())
    except (decord.DECORDError, RuntimeError, AssertionError) as error:
        raise VideoError("no video stream that decord can open") from error
    images: list[np.ndarray] = []
    found: list[int] = []
    complete = True
    for index in sampling.uniform(total, wanted):
        try:
            images.append(_without_padding(reader[index].asnumpy()))
        except (decord.DECORDError, decord.DECORDLimitReachedError):
            complete = False
            break
        found.append(index)
    decoded = total if complete else (found[-1] + 1 if found else 0)
    return Frames(images, found, fps if np.isfinite(fps) else 0.0, total, decoded, "")


def _without_padding(image: np.ndarray) -> np.ndarray:
    """decord 0.6 takes the padding of short rows for channels: 48 px wide gives (H, 48, 4)."""
    height, width = image.shape[:2]
    return np.ascontiguousarray(image.reshape(height, -1)[:, : 3 * width]).reshape(height, width, 3)


READERS: dict[str, Callable[[Path, int], Frames]] = {
    "opencv": _read_opencv,
    "decord": _read_decord,
}
