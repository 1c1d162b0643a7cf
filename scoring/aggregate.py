"""Clip → track → video: the mean over a track's clips, then the maximum over its tracks, for a
video is fake if one of its people is."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True)
class ClipScore:
    video_id: str
    track: int
    p_fake: float


def track_scores(clips: Iterable[ClipScore]) -> dict[str, dict[int, float]]:
    """p_fake by video and track."""
    found: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        found[clip.video_id][clip.track].append(clip.p_fake)
    return {
        video: {track: fmean(scores) for track, scores in tracks.items()}
        for video, tracks in found.items()
    }


def video_scores(clips: Iterable[ClipScore]) -> dict[str, float]:
    """p_fake by video."""
    return {video: max(tracks.values()) for video, tracks in track_scores(clips).items()}
