"""decord: refuses most files whose end is lost, and reads fewer formats than PyAV."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from common.errors import UsageError, VideoError
from faces.frames import ChooseFrames, Frames


def read(path: Path, choose: ChooseFrames) -> Iterator[Frames]:
    """Yield the chosen frames, one window at a time; fewer in the last one if the end is lost."""
    try:
        import decord
    except ImportError as error:
        raise UsageError(
            "decord is not installed (it has wheels for x86-64 only): use --decoder pyav"
        ) from error
    decord.logging.set_level(decord.logging.QUIET)
    try:
        reader = decord.VideoReader(str(path.absolute()), ctx=decord.cpu(0), num_threads=1)
        total, fps = len(reader), float(reader.get_avg_fps())
    except (decord.DECORDError, RuntimeError, AssertionError) as error:
        raise VideoError("no video stream that decord can open") from error
    fps = fps if np.isfinite(fps) else 0.0
    last = -1
    for indices in choose(total, fps):
        frames = Frames([], [], fps, total, total)
        for index in indices:
            try:
                frames.images.append(_without_padding(reader[index].asnumpy()))
            except (decord.DECORDError, decord.DECORDLimitReachedError):
                frames.decoded = last + 1
                break
            frames.indices.append(index)
            last = index
        yield frames


def _without_padding(image: np.ndarray) -> np.ndarray:
    """Remove the padding of short rows, which decord 0.6 returns as channels: a frame 48 pixels
    wide has the shape (H, 48, 4)."""
    height, width = image.shape[:2]
    return np.ascontiguousarray(image.reshape(height, -1)[:, : 3 * width]).reshape(height, width, 3)
