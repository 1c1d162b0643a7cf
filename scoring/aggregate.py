"""The clips of a video's people → one score for the video."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean

import pandas as pd


@dataclass(frozen=True)
class ClipScore:
    video_id: str
    track: int
    p_fake: float


Tracks = dict[int, list[float]]  # of one video: the scores of every track's clips


def by_video(clips: Iterable[ClipScore]) -> dict[str, Tracks]:
    found: dict[str, Tracks] = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        found[clip.video_id][clip.track].append(clip.p_fake)
    return {video: dict(tracks) for video, tracks in found.items()}


def max_face(tracks: Sequence[Sequence[float]]) -> float:
    """The mean over a person's clips, then the maximum over people: a video is fake if one of them
    is."""
    return max(map(fmean, tracks))


def mean(tracks: Sequence[Sequence[float]]) -> float:
    """Over all clips of all people, who then share a verdict."""
    return fmean(chain.from_iterable(tracks))


def confident_mean(tracks: Sequence[Sequence[float]]) -> float:
    """As `max_face`, but of a person's clips the mean of those above 0.8 where they are more than
    two fifths, of those below 0.2 where they are more than nine tenths, else of all: after the
    winner of the DFDC (Seferbekov 2020), without its lowest number of 11 frames, for these are
    clips."""
    return max(map(_confident, tracks))


def _confident(scores: Sequence[float]) -> float:
    high, low = [s for s in scores if s > 0.8], [s for s in scores if s < 0.2]
    if len(high) > 0.4 * len(scores):
        return fmean(high)
    return fmean(low if len(low) > 0.9 * len(scores) else scores)


AGGREGATIONS: dict[str, Callable[[Sequence[Sequence[float]]], float]] = {
    "max_face": max_face,
    "mean": mean,
    "confident_mean": confident_mean,
}
FIRST = "max_face"  # where validation gives no reason for another
# What validation chooses from: with these a video is as suspicious as the worst person in it, while
# `mean` lets bystanders hide a fake. Who asks for it can have it.
BY_WORST_PERSON = (FIRST, "confident_mean")


def video_scores(clips: Iterable[ClipScore], aggregation: str = FIRST) -> dict[str, float]:
    """The score of every video, in [0, 1]."""
    combine = AGGREGATIONS[aggregation]
    return {video: combine(list(tracks.values())) for video, tracks in by_video(clips).items()}


def all_scores(clips: Sequence[ClipScore]) -> pd.DataFrame:
    """The score of every video, by video_id, a column for every aggregation."""
    return pd.DataFrame({name: video_scores(clips, name) for name in AGGREGATIONS})
