"""Decodes with decord, which rejects most truncated files and reads fewer formats than PyAV."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from common.errors import UsageError, VideoError
from faces import containers, hdr, packets
from faces.containers import OpenVideo
from faces.frames import ChooseFrames, Frames
from faces.pixels import Converter, orientation
from faces.timeline import Timeline


def read(path: Path, choose: ChooseFrames) -> Iterator[Frames]:
    """Yield the frames that `choose` selects, one window at a time. A window ends before its first
    frame that cannot be decoded; its `decoded` is then less than its `total`. Raise VideoError if
    FFmpeg or decord cannot open the file, UsageError if decord is not installed."""
    try:
        import decord
    except ImportError as error:
        raise UsageError(
            "decord is not installed (it has wheels for x86-64 only): use --decoder pyav"
        ) from error
    decord.logging.set_level(decord.logging.QUIET)
    # decord itself would also open lists of other files.
    with containers.opened(path) as video:
        _check_shown_right(video)
        try:
            reader = decord.VideoReader(str(path.absolute()), ctx=decord.cpu(0), num_threads=1)
            total, fps = len(reader), float(reader.get_avg_fps())
            starts = reader.get_frame_timestamp(range(total))[:, 0]
        except (decord.DECORDError, RuntimeError, AssertionError) as error:
            raise VideoError("no video stream that decord can open") from error
        seconds = (starts - starts[0]).astype(float).tolist()
        timeline = Timeline(total, fps if np.isfinite(fps) else 0.0, seconds)
        windows = choose(timeline)
        if Converter(video.stream, total, max(map(len, windows))).shrink > 1:
            raise VideoError("its frames are too large for decord: use --decoder pyav")
        note = video.note
    last = -1
    for indices in windows:
        frames = Frames([], [], timeline, total, detail=note)
        for index in indices:
            try:
                frames.images.append(_without_padding(reader[index].asnumpy()))
            except (decord.DECORDError, decord.DECORDLimitReachedError):
                frames.decoded = last + 1
                break
            frames.indices.append(index)
            last = index
        yield frames


def _check_shown_right(video: OpenVideo) -> None:
    """Raise VideoError for a video that decord would not show as it is, or that it would reserve
    too much memory for."""
    stream = video.stream
    seconds = (stream.duration or 0) * (stream.time_base or 0)
    if seconds * (stream.average_rate or 0) > packets.MAX_FRAMES:
        raise VideoError(f"it declares more than {packets.MAX_FRAMES:,} frames")
    frame = next(video.frames(), None)
    if frame is None:
        raise VideoError("not one frame could be decoded")
    mirrored, _ = orientation(frame)
    if mirrored or hdr.is_hdr(frame) or (stream.sample_aspect_ratio or 1) != 1:
        raise VideoError(
            "decord does not mirror, tone-map or make pixels square: use --decoder pyav"
        )


def _without_padding(image: np.ndarray) -> np.ndarray:
    """Remove the padding of short rows, which decord 0.6 returns as extra channels: frames that are
    48 pixels wide have the shape (H, 48, 4)."""
    height, width = image.shape[:2]
    return np.ascontiguousarray(image.reshape(height, -1)[:, : 3 * width]).reshape(height, width, 3)
