"""Chooses which frames of a video are sampled, by index arithmetic only."""

import math
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Span:
    """How much of a video is used, and how long its windows are, both in seconds."""

    window: float = math.inf  # maximum length: a longer video is split into windows of equal length
    limit: float = math.inf  # frames after this time are ignored


ROUNDING = 1e-6  # tolerance: 600 s at 29.97 frames per second must not count as more than 600 s
WHOLE = Span()  # the whole video as one window, as in training


def frames_in_span(total: int, fps: float, span: Span) -> int:
    """Return how many of `total` frames lie within the limit of `span`; at least one, if there are
    any."""
    return min(total, max(1, math.floor(min(total, span.limit * fps) + ROUNDING)))


def windows(total: int, fps: float, wanted: int, span: Span) -> list[range]:
    """Return the frame indices of each window of a video of `total` frames, in order.

    A window has at least `wanted` frames unless the video has fewer. If the frame rate `fps` is
    unknown (0), the whole video is one window, and `span` is ignored.
    """
    count = 1
    if fps > 0:
        total = frames_in_span(total, fps, span)
        count = max(1, min(math.ceil(total / fps / span.window - ROUNDING), total // wanted))
    edges = [round(i * total / count) for i in range(count + 1)]
    return [range(start, stop) for start, stop in pairwise(edges)]


def uniform(total: int, wanted: int) -> list[int]:
    """Return `wanted` indices spread evenly over a video of `total` frames; every index if the
    video has no more than `wanted` frames.

    The indices are the middles of `wanted` equal parts, so start and end are treated symmetrically.
    If total > 2 * wanted, the last frame is not among them: some containers declare one frame too
    many.
    """
    if total <= wanted:
        return list(range(total))
    return [(2 * i + 1) * total // (2 * wanted) for i in range(wanted)]
