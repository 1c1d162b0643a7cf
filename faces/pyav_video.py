"""Decodes with PyAV: every format that FFmpeg reads, truncated files too."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

import av

from common.errors import VideoError
from common.preprocessing import FaceConfig
from faces import containers, limits, packets, sampling
from faces.containers import OpenVideo
from faces.frames import ChooseFrames, Frames, WholeVideo
from faces.packets import Packets
from faces.pixels import Converter
from faces.sampling import Span
from faces.timeline import Timeline


def read(path: Path, choose: ChooseFrames) -> Iterator[Frames]:
    """Yield the frames that `choose` selects, one window at a time. If the file is damaged or
    truncated, the window in which it ends has fewer frames and later windows have none; in all of
    these windows, `decoded` is less than `total`. Raise VideoError if FFmpeg cannot open the
    file."""
    found = packets.read(path)
    total = found.timeline.total
    with containers.opened(path) as video:
        windows = choose(found.timeline)
        convert = Converter(video.stream, found.shown, max(map(len, windows)))
        numbered = _Numbered(video, found, [i for indices in windows for i in indices])
        for indices in windows:
            frames = _no_frames(video, found.timeline, convert)
            for index in indices:
                # Frames are read one after the other, because seeking is inexact in many files.
                for position, frame in numbered:
                    if position >= index:
                        frames.images.append(convert.image(frame))
                        frames.indices.append(position)
                        break
            # Packets without a frame of their own, though nothing failed, hold frames that are not
            # shown, as in VP8, or that repeat others, as in DivX: no damage, unless they are many.
            missing = len(indices) - len(frames.images)
            ended = numbered.failed or found.shown < total
            if missing and (ended or 2 * missing > len(indices)):
                frames.decoded = numbered.position + 1
            yield frames
            del frames  # otherwise two windows' frames would be in memory


def _no_frames(video: OpenVideo, timeline: Timeline, convert: Converter) -> Frames:
    return Frames(
        [],
        [],
        timeline,
        decoded=timeline.total,
        codec=video.stream.codec_context.name,
        detail="; ".join(filter(None, [video.note, convert.note])),
        shrink=convert.shrink,
    )


class _Numbered:
    """Iterates over (index, frame) in presentation order, up to the first frame that cannot be
    decoded: after a gap, the indices of the following frames would be unknown."""

    def __init__(self, video: OpenVideo, found: Packets, wanted: Sequence[int]) -> None:
        """The frames with `wanted` indices are among those that come. If the times are reliable,
        frames that are neither wanted nor needed to predict others are not decoded, half of all
        frames in many files; the pixels of the wanted frames stay the same."""
        self.failed = False  # whether a frame could not be decoded
        self.position = -1  # index of the last frame
        self._frames = (
            _some(video, found.times, wanted) if found.reliable else enumerate(video.frames())
        )

    def __iter__(self) -> Iterator[tuple[int, av.VideoFrame]]:
        return self

    def __next__(self) -> tuple[int, av.VideoFrame]:
        try:
            self.position, frame = next(self._frames)
        except av.error.MemoryError:
            raise  # no damage
        except av.FFmpegError:
            self.failed = True
            raise StopIteration from None
        return self.position, frame


def _some(
    video: OpenVideo, times: Sequence[int], wanted: Sequence[int]
) -> Iterator[tuple[int, av.VideoFrame]]:
    needed = {times[index] for index in wanted if index < len(times)}
    for packet in video.packets():
        decode_it = packet.pts is None or packet.pts in needed  # None: the last frames
        video.stream.codec_context.skip_frame = "DEFAULT" if decode_it else "NONREF"
        for frame in packet.decode():
            if frame.pts is not None:
                yield bisect_left(times, frame.pts), frame


@contextmanager
def every_frame(path: Path) -> Iterator[WholeVideo]:
    """Open a video to read all its frames, up to the first one that cannot be decoded."""
    found = packets.read(path)
    with containers.opened(path) as video:
        convert = Converter(video.stream, found.shown, limits.HELD_BY_ENCODER)
        frames = _Numbered(video, found, range(found.timeline.total))
        images = ((index, convert.image(frame)) for index, frame in frames)
        yield WholeVideo(found.timeline, convert.shrink, images)


def read_key_frames(path: Path, config: FaceConfig, span: Span) -> Iterator[Frames]:
    """Yield the sampled frames of each window that has a key frame: runs of up to
    `config.run_frames` consecutive frames. Each run starts at a key frame; the starts are spread
    evenly over the window's key frames. A window has at most `config.frames_per_video` frames.
    Seeking from run to run avoids decoding the frames in between.

    Raise VideoError if the file holds no video or no frame can be decoded.
    """
    found = packets.read(path)
    timeline = replace(found.timeline, total=len(found.times))
    with containers.opened(path) as video:
        convert = Converter(video.stream, found.shown, config.frames_per_video)
        empty = True
        for window in sampling.windows(timeline, config.frames_per_video, span):
            frames = _no_frames(video, timeline, convert)
            for index, frame in _runs(video, found, window, config):
                frames.indices.append(index)
                frames.images.append(convert.image(frame))
            if frames.images:  # else the window has no key frame
                empty = False
                yield frames
            del frames  # otherwise two windows' frames would be in memory
        if empty:
            raise VideoError("not one frame could be decoded")


def _runs(
    video: OpenVideo, found: Packets, window: range, config: FaceConfig
) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield (index, frame) of the runs that start in `window`. A run ends before the next one
    starts, and before the window ends."""
    times = found.times
    length = min(config.run_frames, config.frames_per_video)
    keys = [key for key in found.keys if bisect_left(times, key) in window]
    chosen = sampling.uniform(len(keys), max(1, config.frames_per_video // config.run_frames))
    starts = [keys[i] for i in chosen]
    for number, start in enumerate(starts, 1):
        end = starts[number] if number < len(starts) else times[window.stop - 1] + 1
        video.container.seek(start, stream=video.stream)
        timed = ((frame.pts, frame) for frame in video.frames() if frame.pts is not None)
        from_start = ((time, frame) for time, frame in timed if time >= start)
        for time, frame in islice(from_start, length):
            if time >= end:
                break
            yield bisect_left(times, time), frame
