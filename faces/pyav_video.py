"""Decodes with PyAV: every format that FFmpeg reads, truncated files too."""

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
from faces.frames import ChooseFrames, Frames
from faces.sampling import Span

# A damaged file becomes a status with a reason; FFmpeg's own messages would garble the output.
av.logging.set_level(None)

# A file index that declares more frames is not trusted (a day at 60 fps has 5.2 million).
MAX_FRAMES = 10_000_000


def read(path: Path, choose: ChooseFrames) -> Iterator[Frames]:
    """Yield the frames that `choose` selects, one window at a time. If the file is truncated, the
    window in which it ends has fewer frames and later windows have none; in all of these windows,
    `decoded` is less than `total`. Raise VideoError if FFmpeg cannot open the file."""
    packets = _packets(path)
    with _opened(path) as (container, stream):
        size = stream.width, stream.height
        total = _total(stream, packets)
        rate, codec = _rate(stream), stream.codec_context.name
        windows = choose(total, rate)
        wanted = {index for indices in windows for index in indices}
        frames = _numbered(container, stream, packets.times, wanted)
        position = -1
        for indices in windows:
            images, read_indices = [], []
            for index in indices:
                # Frames are read one after the other, because seeking is inexact in many files.
                for position, frame in frames:
                    if position >= index:
                        images.append(_image(frame, size))
                        read_indices.append(position)
                        break
            decoded = total if len(images) == len(indices) else position + 1
            yield Frames(images, read_indices, rate, total, decoded, codec)


class _Packets(NamedTuple):
    shown: int  # number of packets that are shown
    trimmed: bool  # whether an edit list hides other packets
    times: list[int]  # presentation times of shown packets, ascending; empty if they are unreliable


def _packets(path: Path) -> _Packets:
    """Read the packets without decoding them. This also counts the frames of containers without an
    index, where duration × frame rate would be wrong if the sound is longer or the rate varies."""
    with _opened(path) as (container, stream):
        packets = [(p.pts, p.dts, p.is_discard) for p in _demux(container, stream) if p.size]
        reordered = stream.codec_context.has_b_frames
    times = [pts for pts, _, discard in packets if not discard]
    sent = [dts for _, dts, _ in packets if dts is not None]
    known = [pts for pts in times if pts is not None]
    reliable = (
        len(set(known)) == len(times)
        and sent == sorted(sent)  # else the clock was set back, as in concatenated recordings
        and not (reordered and known == sorted(known))  # AVI stores no times: FFmpeg guesses them
    )
    return _Packets(len(times), len(times) < len(packets), sorted(known) if reliable else [])


def _total(stream: VideoStream, packets: _Packets) -> int:
    """Return the number of frames that the file declares. The container's index also counts frames
    that were lost, but it counts only the beginning of a fragmented file and ignores edit lists;
    then the packets are counted."""
    trusted = 0 < stream.frames <= MAX_FRAMES and not packets.trimmed
    return max(stream.frames, packets.shown) if trusted else packets.shown


def _demux(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet]:
    try:
        yield from container.demux(stream)
    except IndexError as error:  # raised by PyAV if a new stream begins midway
        raise VideoError("its streams change midway") from error


def _numbered(
    container: InputContainer, stream: VideoStream, times: list[int], wanted: set[int]
) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield (index, frame) in presentation order, at least for the `wanted` indices. Frames that
    are neither wanted nor needed to predict others are not decoded, half of all frames in many
    files; the pixels of the wanted frames stay the same."""
    if not times:
        yield from enumerate(_decode_all(container, stream))
        return
    needed = {times[index] for index in wanted if index < len(times)}
    with suppress(av.FFmpegError):  # see _decode_all
        for packet in _demux(container, stream):
            decode_it = packet.pts is None or packet.pts in needed  # None: the last frames
            stream.codec_context.skip_frame = "DEFAULT" if decode_it else "NONREF"
            for frame in packet.decode():
                if frame.pts is not None:
                    yield bisect_left(times, frame.pts), frame


@contextmanager
def every_frame(path: Path) -> Iterator[tuple[float, Iterator[np.ndarray]]]:
    """Open a video; yield its frames per second (0.0 if the file does not say) and an iterator over
    all frames (H, W, 3) uint8 RGB, upright, up to the first one that cannot be decoded."""
    with _opened(path) as (container, stream):
        size = stream.width, stream.height
        yield _rate(stream), (_image(frame, size) for frame in _decode_all(container, stream))


class _Times(NamedTuple):
    """Presentation times in the stream's time base, ascending."""

    all: list[int]  # of every frame
    keys: list[int]  # of the key frames


def read_key_frames(path: Path, config: FaceConfig, span: Span) -> Iterator[Frames]:
    """Yield the sampled frames of each window that has a key frame: runs of up to
    `config.run_frames` consecutive frames. Each run starts at a key frame; the starts are spread
    evenly over the window's key frames. A window has at most `config.frames_per_video` frames.
    Seeking from run to run avoids decoding the frames in between.

    Raise VideoError if the file holds no video or no frame can be decoded.
    """
    with _opened(path) as (container, stream):
        packets = _demux(container, stream)
        key_times = [(p.pts, p.is_keyframe) for p in packets if p.pts is not None]
        times = _Times(
            sorted(t for t, _ in key_times), sorted(t for t, is_key in key_times if is_key)
        )
        rate, total = _rate(stream), len(times.all)
        empty = True
        for window in sampling.windows(total, rate, config.frames_per_video, span):
            frames = Frames([], [], rate, total, total, stream.codec_context.name)
            _read_runs(container, stream, frames, times, window, config)
            if frames.images:  # else the window has no key frame
                empty = False
                yield frames
            del frames  # otherwise two windows' frames would be in memory
        if empty:
            raise VideoError("not one frame could be decoded")


def _read_runs(
    container: InputContainer,
    stream: VideoStream,
    frames: Frames,
    times: _Times,
    window: range,
    config: FaceConfig,
) -> None:
    """Append to `frames` the runs that start in `window`. A run ends before the next one starts,
    and before the window ends."""
    size = stream.width, stream.height
    length = min(config.run_frames, config.frames_per_video)
    keys = [key for key in times.keys if bisect_left(times.all, key) in window]
    chosen = sampling.uniform(len(keys), max(1, config.frames_per_video // config.run_frames))
    starts = [keys[i] for i in chosen]
    for number, start in enumerate(starts, 1):
        end = starts[number] if number < len(starts) else times.all[window.stop - 1] + 1
        container.seek(start, stream=stream)
        timed = ((frame.pts, frame) for frame in container.decode(stream) if frame.pts is not None)
        from_start = ((time, frame) for time, frame in timed if time >= start)
        for time, frame in islice(from_start, length):
            if time >= end:
                break
            frames.images.append(_image(frame, size))
            frames.indices.append(bisect_left(times.all, time))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video and yield its container and first video stream, set to decode on one thread.
    Raise VideoError if there is none, and for every FFmpegError that the block raises."""
    try:
        # The absolute path: FFmpeg interprets a name with a colon or a leading dash differently.
        with av.open(str(path.absolute()), metadata_errors="replace") as container:
            if not container.streams.video:
                raise VideoError("no video stream in it")
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise VideoError("a codec that FFmpeg does not know")
            stream.codec_context.thread_count = 1
            yield container, stream
    except av.FFmpegError as error:
        raise VideoError("no video stream that FFmpeg can open") from error


def _image(frame: av.VideoFrame, size: tuple[int, int]) -> np.ndarray:
    """Return a frame as (H, W, 3) uint8 RGB, upright. The array is a view of BGR memory, the order
    that OpenCV works on.

    `size` is the width and height at the beginning of the file. Frames whose size changes midway
    are scaled to it.
    """
    width, height = size
    image: np.ndarray = frame.to_ndarray(
        format="bgr24", width=width, height=height, interpolation="FAST_BILINEAR", threads=1
    )
    turns = round(frame.rotation / 90) % 4 if abs(frame.rotation) <= 360 else 0
    if turns:
        image = np.ascontiguousarray(np.rot90(image, turns))
    return image[..., ::-1]


def _rate(stream: VideoStream) -> float:
    """Return frames per second; 0.0 if the file does not say."""
    return float(stream.average_rate or 0)


def _decode_all(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """Yield all frames in presentation order, up to the first one that cannot be decoded: after a
    gap, the indices of the following frames would be unknown."""
    with suppress(av.FFmpegError):
        yield from container.decode(stream)
