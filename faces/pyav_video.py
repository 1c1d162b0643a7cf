"""PyAV: every video that FFmpeg reads, also one whose tail is lost."""

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from common.errors import VideoError
from common.preprocessing import FaceConfig
from faces import sampling
from faces.frames import Frames, Pick
from faces.sampling import Span

# A damaged file is a row with a reason; FFmpeg's own words would only garble the table.
av.logging.set_level(None)

# Above this many frames an index is not believed (a day at 60 fps is 5.2 million).
MAX_FRAMES = 10_000_000


def read(path: Path, pick: Pick) -> Iterator[Frames]:
    """The frames that `pick` chooses, a window at a time; the last one may be short."""
    packets = _packets(path)
    with _opened(path) as (container, stream):
        size = stream.width, stream.height
        total = _total(stream, packets)
        rate, codec = _rate(stream), stream.codec_context.name
        windows = pick(total, rate)
        wanted = {index for indices in windows for index in indices}
        frames = _numbered(container, stream, packets.times, wanted)
        position = -1
        for indices in windows:
            images, found = [], []
            for index in indices:
                # Others are decoded, too: seeking is inexact in many files.
                for position, frame in frames:
                    if position >= index:
                        images.append(_image(frame, size))
                        found.append(position)
                        break
            decoded = total if len(images) == len(indices) else position + 1
            yield Frames(images, found, rate, total, decoded, codec)


class _Packets(NamedTuple):
    count: int  # of those that are shown
    trimmed: bool  # whether an edit list leaves some out
    times: list[int]  # of the shown ones, rising; empty where they do not tell which frame is which


def _packets(path: Path) -> _Packets:
    """Without decoding them. For containers without an index, too: duration times rate would be
    wrong for long sound or a varying rate."""
    with _opened(path) as (container, stream):
        found = [(p.pts, p.dts, p.is_discard) for p in _demux(container, stream) if p.size]
        reordered = stream.codec_context.has_b_frames
    times = [pts for pts, _, discard in found if not discard]
    sent = [dts for _, dts, _ in found if dts is not None]
    clear = (
        None not in times
        and len(set(times)) == len(times)
        and sent == sorted(sent)  # else a clock was set back, as where recordings were joined
        and not (reordered and times == sorted(times))  # AVI has no times: FFmpeg guesses these
    )
    return _Packets(len(times), len(times) < len(found), sorted(times) if clear else [])


def _total(stream: VideoStream, packets: _Packets) -> int:
    """Frames that the file promises: by its index, which also counts what was lost; but that of a
    fragmented file counts its beginning alone, and knows nothing of an edit list."""
    believed = 0 < stream.frames <= MAX_FRAMES and not packets.trimmed
    return max(stream.frames, packets.count) if believed else packets.count


def _demux(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet]:
    try:
        yield from container.demux(stream)
    except IndexError as error:  # what PyAV makes of a stream that begins later
        raise VideoError("its streams change on the way") from error


def _numbered(
    container: InputContainer, stream: VideoStream, times: list[int], wanted: set[int]
) -> Iterator[tuple[int, av.VideoFrame]]:
    """Frames in time's order, each with its index, those that are `wanted` among them. Others that
    no frame is predicted from are left out, half of all in many files: it changes no pixel."""
    if not times:
        yield from enumerate(_decode_all(container, stream))
        return
    needed = {times[index] for index in wanted if index < len(times)}
    with suppress(av.FFmpegError):  # see _decode_all
        for packet in _demux(container, stream):
            needs_it = packet.pts is None or packet.pts in needed  # None: the decoder's last frames
            stream.codec_context.skip_frame = "DEFAULT" if needs_it else "NONREF"
            for frame in packet.decode():
                if frame.pts is not None:
                    yield bisect_left(times, frame.pts), frame


@contextmanager
def every_frame(path: Path) -> Iterator[tuple[float, Iterator[np.ndarray]]]:
    """Frames per second, 0.0 when the file does not say, and all frames up to what cannot be
    decoded, (H, W, 3) uint8 RGB, upright, one at a time."""
    with _opened(path) as (container, stream):
        size = stream.width, stream.height
        yield _rate(stream), (_image(frame, size) for frame in _decode_all(container, stream))


class _Times(NamedTuple):
    """In the stream's own unit, rising."""

    all: list[int]  # of every frame
    keys: list[int]  # of the key frames among them


def read_key_frames(path: Path, config: FaceConfig, span: Span) -> Iterator[Frames]:
    """Of every window runs of `config.run_frames` frames that start at key frames, at most
    `config.frames_per_video` frames, spread evenly over the key frames; fewer when there are fewer
    key frames. Seeks, so no other frame is decoded.

    Raise VideoError when the file holds no video or nothing can be decoded.
    """
    with _opened(path) as (container, stream):
        packets = _demux(container, stream)
        found = [(p.pts, p.is_keyframe) for p in packets if p.pts is not None]
        times = _Times(sorted(t for t, _ in found), sorted(t for t, is_key in found if is_key))
        rate, total = _rate(stream), len(times.all)
        nothing_yet = True
        for window in sampling.windows(total, rate, config.frames_per_video, span):
            frames = Frames([], [], rate, total, total, stream.codec_context.name)
            _read_runs(container, stream, frames, times, window, config)
            if frames.images:  # no key frame, nothing to look at
                nothing_yet = False
                yield frames
            del frames  # or two windows' frames would be in memory
        if nothing_yet:
            raise VideoError("not one frame could be decoded")


def _read_runs(
    container: InputContainer,
    stream: VideoStream,
    frames: Frames,
    times: _Times,
    window: range,
    config: FaceConfig,
) -> None:
    """Add to `frames` the runs that start in `window`, up to its end."""
    size = stream.width, stream.height
    run = min(config.run_frames, config.frames_per_video)
    keys = [key for key in times.keys if bisect_left(times.all, key) in window]
    chosen = sampling.uniform(len(keys), max(1, config.frames_per_video // config.run_frames))
    starts = [keys[i] for i in chosen]
    for number, start in enumerate(starts, 1):
        end = starts[number] if number < len(starts) else times.all[window.stop - 1] + 1
        container.seek(start, stream=stream)
        frames_after = (frame for frame in container.decode(stream) if frame.pts is not None)
        after = (frame for frame in frames_after if frame.pts >= start)
        for frame in islice(after, run):
            if frame.pts >= end:
                break
            frames.images.append(_image(frame, size))
            frames.indices.append(bisect_left(times.all, frame.pts))


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


def _decode_all(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """All frames in time's order, up to what cannot be decoded: after a hole nobody could say
    which frames of the video the next ones are."""
    with suppress(av.FFmpegError):
        yield from container.decode(stream)
