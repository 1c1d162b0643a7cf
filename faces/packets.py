"""Reads the packets of a film without decoding them: how many frames there are, and when."""

from array import array
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from av.video.stream import VideoStream

from common.errors import VideoError
from faces import containers
from faces.timeline import Timeline

MAX_FRAMES = 10_000_000  # a day at 60 frames per second has 5.2 million


class Packets(NamedTuple):
    """The packets of a film, and the frames that they stand for."""

    timeline: Timeline
    shown: int  # number of packets that hold a picture that is shown
    times: Sequence[int]  # their presentation times, ascending, as far as they are known
    keys: Sequence[int]  # those of the key frames
    reliable: bool  # whether `times` are the times of all frames


def read(path: Path) -> Packets:
    """Return the packets of the film in `path`. This also counts the frames of files without an
    index, where duration × frame rate would be wrong if the sound is longer or the rate varies.
    Raise VideoError for more than MAX_FRAMES."""
    shown, keys, sent = array("q"), array("q"), array("q")  # times of presentation and decoding
    count, hidden, end = 0, False, 0
    with containers.opened(path) as video:
        for packet in video.packets():
            time = packet.pts if packet.pts is not None else packet.dts
            if time is not None:
                end = max(end, time + (packet.duration or 0))
            if not packet.size:  # a frame that was dropped in recording, or the end
                continue
            if packet.dts is not None:
                sent.append(packet.dts)
            if packet.is_discard:  # by an edit list
                hidden = True
                continue
            count += 1
            if packet.pts is not None:
                shown.append(packet.pts)
                if packet.is_keyframe:
                    keys.append(packet.pts)
            if count > MAX_FRAMES:
                raise VideoError(f"more than {MAX_FRAMES:,} frames")
        stream = video.stream
        times = sorted(shown)
        # The clock of joined recordings is set back. AVI stores no times: FFmpeg guesses them.
        guessed = stream.codec_context.has_b_frames and times == list(shown)
        ordered = all(a <= b for a, b in pairwise(sent)) and all(a < b for a, b in pairwise(times))
        reliable = len(times) == count and ordered and not guessed
        total = count if hidden else max(count, _declared(stream, end))
        seconds = _seconds(times, stream) if reliable else []
        timeline = Timeline(total, float(stream.average_rate or 0), seconds)
        return Packets(timeline, count, times, sorted(keys), reliable)


def _declared(stream: VideoStream, end: int) -> int:
    """Return the number of frames in the file's index if the packets, whose last one ends at `end`,
    end before the file says that the film does; else 0. An index also counts frames that were
    dropped in recording, and only the beginning of a fragmented file."""
    if not stream.duration or stream.frames > MAX_FRAMES:
        return 0
    missing = (stream.start_time or 0) + stream.duration - end
    return stream.frames if 2 * missing * max(stream.frames, 1) > stream.duration else 0


def _seconds(times: list[int], stream: VideoStream) -> list[float]:
    base = float(stream.time_base or 0)
    return [(time - times[0]) * base for time in times]
