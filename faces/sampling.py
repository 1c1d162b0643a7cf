"""Chooses which frames of a video are sampled, from their number and their times."""

import math
from dataclasses import dataclass
from itertools import pairwise

from faces.timeline import ROUNDING, Timeline


@dataclass(frozen=True)
class Span:
    """How much of a video is used, and how long its windows are, both in seconds."""

    window: float = math.inf  # maximum length: a longer video is split into windows of equal length
    limit: float = math.inf  # frames after this time are ignored


WHOLE = Span()  # the whole video as one window, as in training


def windows(timeline: Timeline, wanted: int, span: Span) -> list[range]:
    """Return the frame indices of each window of a video, in order.

    A window has at least `wanted` frames unless the video has fewer, so where frames are rare it is
    longer than `span` says. If nothing is known about time, the whole video is one window.
    """
    total, seconds = timeline.total, timeline.seconds
    if timeline.known and seconds > span.limit:
        total = timeline.frames_before(span.limit)
        seconds = min(seconds, span.limit)
    if timeline.rate:
        seconds = total / timeline.rate
    count = max(1, min(math.ceil(seconds / span.window - ROUNDING), total // wanted))
    if timeline.rate or count == 1:
        edges = [round(i * total / count) for i in range(count + 1)]
    else:
        edges = _edges_in_time(timeline, total, wanted, seconds / count)
    return [range(start, stop) for start, stop in pairwise(edges)]


def _edges_in_time(timeline: Timeline, total: int, wanted: int, window: float) -> list[int]:
    """Return the first frames of windows of `window` seconds, then `total`. A window with fewer
    than `wanted` frames is joined to the next one, the last one to the one before."""
    edges = [0]
    for number in range(1, math.ceil(timeline.seconds / window)):
        edge = timeline.frames_before(number * window)
        if edges[-1] + wanted <= edge <= total - wanted:
            edges.append(edge)
    return [*edges, total]


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
