"""Which frames of a video are sampled: index arithmetic only."""

import math
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Span:
    """How much of a video is used, and in windows of what length. Both in seconds."""

    window: float = math.inf  # a longer video is split into windows of equal length, at most this
    limit: float = math.inf  # frames after this time are ignored


ROUNDING = 1e-6  # 600 s at 29.97 frames per second are not more than 600 s
WHOLE = Span()  # the whole video as one window, as in training


def frames_in_span(total: int, fps: float, span: Span) -> int:
    """Return how many of `total` frames lie within the span, at least one."""
    return min(total, max(1, math.floor(min(total, span.limit * fps) + ROUNDING)))


def windows(total: int, fps: float, wanted: int, span: Span) -> list[range]:
    """Return the frame indices of each window of a video of `total` frames, in order.

    A window has at least `wanted` frames unless the video has fewer. Without a frame rate (`fps` 0)
    the whole video is one window.
    """
    count = 1
    if fps > 0:
        total = frames_in_span(total, fps, span)
        count = max(1, min(math.ceil(total / fps / span.window - ROUNDING), total // wanted))
    edges = [round(i * total / count) for i in range(count + 1)]
    return [range(start, stop) for start, stop in pairwise(edges)]


def uniform(total: int, wanted: int) -> list[int]:
    """Return `wanted` indices spread evenly over the whole video of `total` frames; every index if
    total <= wanted.

    They are the middles of `wanted` equal parts, so that both ends count alike and a container that
    declares one frame too many does no harm.
    """
    if total <= wanted:
        return list(range(total))
    return [(2 * i + 1) * total // (2 * wanted) for i in range(wanted)]
