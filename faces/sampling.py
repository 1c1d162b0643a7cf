"""Which frames of a video are looked at: pure index arithmetic."""

import math
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Span:
    """How much of a video is looked at, and in what stretches. Seconds."""

    window: float = math.inf  # a longer video is looked at in equal windows of at most this
    most: float = math.inf  # what comes after is left out


ROUNDING = 1e-6  # 600 s of 29.97 frames a second are no more than 600 s
WHOLE = Span()  # all of it at once, as training does


def looked_at(total: int, fps: float, span: Span) -> int:
    """How many of `total` frames lie within the span: one at least."""
    return min(total, max(1, math.floor(min(total, span.most * fps) + ROUNDING)))


def windows(total: int, fps: float, wanted: int, span: Span) -> list[range]:
    """The frames of every window, in order, of a video of `total` frames. A window has `wanted`
    frames or more, unless the video has fewer. Without a rate (`fps` 0) there is one, the whole.
    """
    count = 1
    if fps > 0:
        total = looked_at(total, fps, span)
        count = max(1, min(math.ceil(total / fps / span.window - ROUNDING), total // wanted))
    edges = [round(i * total / count) for i in range(count + 1)]
    return [range(start, stop) for start, stop in pairwise(edges)]


def uniform(total: int, wanted: int) -> list[int]:
    """Indices of `wanted` frames spread evenly over the *whole* video of `total` frames.

    The middles of `wanted` equal stretches, so that both ends count alike and a container
    that promises one frame too many costs nothing. Every frame when total <= wanted.
    """
    if total <= wanted:
        return list(range(total))
    return [(2 * i + 1) * total // (2 * wanted) for i in range(wanted)]


def consecutive(total: int, wanted: int, run: int) -> list[int]:
    """Indices of `wanted` frames in runs of `run` neighbours each, spread evenly over the video:
    for models that look at motion from frame to frame. Every frame when total <= wanted.
    """
    if total <= wanted:
        return list(range(total))
    runs = max(1, wanted // run)
    length = min(run, wanted)
    middles = [(2 * i + 1) * total // (2 * runs) for i in range(runs)]
    return [middle - length // 2 + step for middle in middles for step in range(length)]
