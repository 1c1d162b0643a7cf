"""Frames out of a video file: (T, H, W, 3) uint8 RGB, upright. One small function a decoder.

Both decoders run on one thread: extraction uses one process per core instead, and scoring
must see the same pixels as training did.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from errors import UsageError, VideoError
from faces import sampling
from preprocessing import FaceConfig

# A damaged file is a row with a reason; FFmpeg's own words would only garble the table.
av.logging.set_level(None)

# Above this many frames an index is not believed (a day at 60 fps is 5.2 million).
MAX_FRAMES = 10_000_000

Pick = Callable[[int], list[int]]  # number of frames in the video → indices of those wanted


@dataclass
class Frames:
    """The sampled frames of one video."""

    images: list[np.ndarray]  # T × (H, W, 3) uint8 RGB, upright
    indices: list[int]  # T, of the frames in the video
    fps: float  # 0.0 when the file does not say
    total: int  # frames that the file promises
    decoded: int  # frames that could be read, up to the last one wanted
    detail: str  # what the user should know, or ""


def read(path: Path, config: FaceConfig) -> Frames:
    """The frames that `config` asks for. Raise VideoError as read_frames does."""
    if config.sampling == "keyframe":
        return read_key_frames(path, config.frames_per_video, config.run_frames)
    pick = partial(sampling.uniform, wanted=config.frames_per_video)
    if config.sampling == "consecutive":
        pick = partial(sampling.consecutive, wanted=config.frames_per_video, run=config.run_frames)
    return read_frames(path, pick, config.decoder)


def read_frames(path: Path, pick: Pick, decoder: str) -> Frames:
    """Decode the frames of `path` that `pick` chooses.

    Raise VideoError when the file holds no video or less than half of its frames can be
    read. When only the tail is lost, the frames before it are returned and `detail` says so.
    """
    _check(path)
    frames = READERS[decoder](path, pick)
    if not frames.images:
        raise VideoError("not one frame could be decoded")
    if frames.decoded < frames.total:
        if 2 * frames.decoded < frames.total:
            raise VideoError(f"only {frames.decoded} of {frames.total} frames could be decoded")
        frames.detail = f"damaged: {frames.decoded} of {frames.total} frames could be decoded"
    return frames


def read_key_frames(path: Path, wanted: int, run: int) -> Frames:
    """Runs of `run` frames that start at key frames, at most `wanted` frames, spread evenly over
    the key frames; fewer when the file has fewer key frames. Seeks, so no other frame is decoded.

    Raise VideoError when the file holds no video or nothing can be decoded.
    """
    _check(path)
    with _opened(path) as (container, stream):
        return _read_runs(container, stream, wanted, run)


def _read_runs(container: InputContainer, stream: VideoStream, wanted: int, run: int) -> Frames:
    size = stream.width, stream.height
    packets = [packet for packet in container.demux(stream) if packet.pts is not None]
    times = sorted(packet.pts for packet in packets)
    keys = sorted(packet.pts for packet in packets if packet.is_keyframe)
    starts = [keys[i] for i in sampling.uniform(len(keys), max(1, wanted // run))]
    images: list[np.ndarray] = []
    found: list[int] = []
    for start, end in zip(starts, [*starts[1:], times[-1] + 1], strict=True):
        container.seek(start, stream=stream)
        after = (frame for frame in container.decode(stream) if frame.pts >= start)
        for frame in islice(after, min(run, wanted)):
            if frame.pts >= end:
                break
            images.append(_image(frame, size))
            found.append(bisect_left(times, frame.pts))
    if not images:
        raise VideoError("not one frame could be decoded")
    return Frames(images, found, _rate(stream), len(times), len(times), "")


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Raise VideoError for whatever FFmpeg cannot do with the file."""
    try:
        # The absolute path: FFmpeg takes a name with a colon or a leading dash for something else.
        with av.open(str(path.absolute()), metadata_errors="replace") as container:
            if not container.streams.video:
                raise VideoError("no video stream in it")
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise VideoError("a codec that is not known here")
            stream.codec_context.thread_count = 1
            yield container, stream
    except av.FFmpegError as error:
        raise VideoError("no video stream that FFmpeg can open") from error


def _image(frame: av.VideoFrame, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8 RGB, upright; a view of BGR memory, which is what OpenCV works on.

    `size` is the width and height that the file began with: it may change on the way.
    """
    width, height = size
    image = frame.to_ndarray(
        format="bgr24", width=width, height=height, interpolation="FAST_BILINEAR", threads=1
    )
    turns = round(frame.rotation / 90) % 4 if abs(frame.rotation) <= 360 else 0
    if turns:
        image = np.ascontiguousarray(np.rot90(image, turns))
    return image[..., ::-1]


def _rate(stream: VideoStream) -> float:
    """Frames per second; 0.0 when the file does not say."""
    return float(stream.average_rate or 0)


def _check(path: Path) -> None:
    if not path.is_file():
        raise VideoError("not a file")
    if path.stat().st_size == 0:
        raise VideoError("the file is empty")
    try:
        path.open("rb").close()
    except PermissionError as error:
        raise VideoError("no permission to read it") from error


def _read_pyav(path: Path, pick: Pick) -> Frames:
    images: list[np.ndarray] = []
    position = 0
    with _opened(path) as (container, stream):
        size = stream.width, stream.height
        believed = 0 < stream.frames <= MAX_FRAMES
        total = stream.frames if believed else _count_packets(path)
        indices = pick(total)
        frames = _decode_all(container, stream)
        for index in indices:
            # Skipped frames are decoded but not converted: seeking is inexact in many files.
            for frame in frames:
                position += 1
                if position > index:
                    images.append(_image(frame, size))
                    break
        rate = _rate(stream)
    decoded = total if len(images) == len(indices) else position
    return Frames(images, indices[: len(images)], rate, total, decoded, "")


def _count_packets(path: Path) -> int:
    """For containers without an index: duration times rate would be wrong for long sound or a
    varying rate."""
    with _opened(path) as (container, stream):
        return sum(1 for packet in container.demux(stream) if packet.size)


def _decode_all(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """All frames in time's order, up to what cannot be decoded: after a hole nobody could say
    which frames of the video the next ones are."""
    with suppress(av.FFmpegError):
        yield from container.decode(stream)


def _read_decord(path: Path, pick: Pick) -> Frames:
    """Unlike PyAV, decord refuses most files whose tail is lost."""
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
    images: list[np.ndarray] = []
    found: list[int] = []
    complete = True
    for index in pick(total):
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


READERS: dict[str, Callable[[Path, Pick], Frames]] = {
    "pyav": _read_pyav,
    "decord": _read_decord,
}
