"""Combines the scores of a video's clips and people into one score.

An aggregation takes one sequence per person with the scores of that person's clips, and returns the
video's score. All scores are in [0, 1].
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import fmean

import pandas as pd


@dataclass(frozen=True)
class ClipScore:
    """The model's score of one clip."""

    video_id: str
    track: int
    score: float  # of the model, in [0, 1]


TrackScores = dict[int, list[float]]  # track of one video → scores of its clips


def by_video(clips: Iterable[ClipScore]) -> dict[str, TrackScores]:
    """Return the scores of the clips by video_id, then by track."""
    tracks_of: dict[str, TrackScores] = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        tracks_of[clip.video_id][clip.track].append(clip.score)
    return {video: dict(tracks) for video, tracks in tracks_of.items()}


def max_face(tracks: Sequence[Sequence[float]]) -> float:
    """Return the highest of the people's means: a video is fake if one person in it is."""
    return max(map(fmean, tracks))


def mean(tracks: Sequence[Sequence[float]]) -> float:
    """Return the mean over all clips of all people."""
    return fmean(chain.from_iterable(tracks))


def confident_mean(tracks: Sequence[Sequence[float]]) -> float:
    """Return the highest of the people's means over their confident clips.

    The confident clips are those with a score above 0.8 if they are more than 40 % of the person's
    clips, those below 0.2 if they are more than 90 %, otherwise all. This follows the winner of the
    DFDC (Seferbekov 2020), except for its minimum of 11 frames: these are scores of clips.
    """
    return max(map(_confident_mean, tracks))


def _confident_mean(scores: Sequence[float]) -> float:
    high, low = [s for s in scores if s > 0.8], [s for s in scores if s < 0.2]
    if len(high) > 0.4 * len(scores):
        return fmean(high)
    return fmean(low if len(low) > 0.9 * len(scores) else scores)


AGGREGATIONS: dict[str, Callable[[Sequence[Sequence[float]]], float]] = {
    "max_face": max_face,
    "mean": mean,
    "confident_mean": confident_mean,
}
DEFAULT = "max_face"  # unless validation favours another aggregation
# Calibration chooses between these, in which the most suspicious person decides. With `mean`,
# bystanders can hide a fake, so it is used only on request.
BY_WORST_PERSON = (DEFAULT, "confident_mean")


def video_scores(clips: Iterable[ClipScore], aggregation: str = DEFAULT) -> dict[str, float]:
    """Return each video's score by video_id. `aggregation` is a name in AGGREGATIONS."""
    combine = AGGREGATIONS[aggregation]
    return {video: combine(list(tracks.values())) for video, tracks in by_video(clips).items()}


def all_scores(clips: Sequence[ClipScore]) -> pd.DataFrame:
    """Return a table with the videos' scores: a row for each video_id, a column for each of
    AGGREGATIONS."""
    return pd.DataFrame({name: video_scores(clips, name) for name in AGGREGATIONS})
