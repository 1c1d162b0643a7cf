"""Decodes animated WebP with Pillow, because FFmpeg 8 cannot."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path

import numpy as np
from PIL import Image

from common.errors import VideoError
from faces import limits, packets
from faces.frames import ChooseFrames, Frames, WholeVideo
from faces.timeline import Timeline

# The layout of the file: https://developers.google.com/speed/webp/docs/riff_container
ANIMATION = 2  # flag in the chunk VP8X
HELD = 4  # images of 4 bytes per pixel that libwebp and Pillow hold while they decode
MAX_BYTES = 500_000_000  # of a file: libwebp reads it as a whole


def is_animated(path: Path) -> bool:
    """Return whether a file is an animated WebP image. Raise OSError if it cannot be read."""
    with path.open("rb") as file:
        start = file.read(21)
    return start[:4] == b"RIFF" and start[8:16] == b"WEBPVP8X" and bool(start[20] & ANIMATION)


def read(path: Path, choose: ChooseFrames) -> Iterator[Frames]:
    """Yield the frames that `choose` selects, one window at a time. Raise VideoError if the file is
    damaged or its frames do not fit into memory."""
    timeline = _timeline(path)
    windows = choose(timeline)
    with _opened(path, max(map(len, windows))) as image:
        for indices in windows:
            images = [_frame(image, index) for index in indices]
            yield Frames(images, indices, timeline, timeline.total, "webp")
            del images  # otherwise two windows' frames would be in memory


@contextmanager
def every_frame(path: Path) -> Iterator[WholeVideo]:
    """Open an animated image to read all its frames. Raise VideoError as `read` does."""
    timeline = _timeline(path)
    with _opened(path, limits.HELD_BY_ENCODER) as image:
        frames = ((index, _frame(image, index)) for index in range(timeline.total))
        yield WholeVideo(timeline, 1, frames)


def _timeline(path: Path) -> Timeline:
    """Return the times of the frames: their chunks, ANMF, state how long each is shown."""
    durations = []
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", head)
            start = file.tell()
            if name == b"ANMF":
                durations.append(int.from_bytes(file.read(16)[12:15], "little") / 1000)
            if len(durations) > packets.MAX_FRAMES:
                raise VideoError(f"more than {packets.MAX_FRAMES:,} frames")
            file.seek(start + size + size % 2)
    total, seconds = len(durations), sum(durations)
    times = list(accumulate(durations[:-1], initial=0.0)) if total else []
    return Timeline(total, total / seconds if seconds else 0.0, times if seconds else [])


@contextmanager
def _opened(path: Path, kept: int) -> Iterator[Image.Image]:
    if path.stat().st_size > MAX_BYTES:
        raise VideoError(f"an animated image of more than {MAX_BYTES // 1_000_000} MB")
    with path.open("rb") as file:
        file.seek(24)
        sides = file.read(6)
    width, height = (int.from_bytes(side, "little") + 1 for side in (sides[:3], sides[3:]))
    limits.check_ratio(width, height)
    if width * height * (4 * HELD + 3 * kept) > limits.MEMORY:
        raise VideoError(f"frames of {width} × {height} pixels need too much memory")
    with _damage_reported():
        image = Image.open(path, formats=["WEBP"])
    with image:
        yield image


def _frame(image: Image.Image, index: int) -> np.ndarray:
    """Return a frame (H, W, 3) uint8 RGB, black where the image is transparent."""
    with _damage_reported():
        image.seek(index)
        return np.array(image.convert("RGB"))


@contextmanager
def _damage_reported() -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise VideoError("a damaged animated WebP image") from error
