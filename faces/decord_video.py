"""decord: refuses most files whose tail is lost, and reads fewer kinds than PyAV."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from common.errors import UsageError, VideoError
from faces.frames import Frames, Pick


def read(path: Path, pick: Pick) -> Iterator[Frames]:
    """The frames that `pick` chooses, a window at a time; the last one may be short."""
    try:
        import decord
    except ImportError as error:
        raise UsageError(
            "decord is not installed (its wheels are for x86-64 only): use --decoder pyav"
        ) from error
    decord.logging.set_level(decord.logging.QUIET)
    try:
        reader = decord.VideoReader(str(path.absolute()), ctx=decord.cpu(0), num_threads=1)
        total, fps = len(reader), float(reader.get_avg_fps())
    except (decord.DECORDError, RuntimeError, AssertionError) as error:
        raise VideoError("no video stream that decord can open") from error
    fps = fps if np.isfinite(fps) else 0.0
    last = -1
    for indices in pick(total, fps):
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
    """decord 0.6 takes the padding of short rows for channels: 48 px wide gives (H, 48, 4)."""
    height, width = image.shape[:2]
    return np.ascontiguousarray(image.reshape(height, -1)[:, : 3 * width]).reshape(height, width, 3)
