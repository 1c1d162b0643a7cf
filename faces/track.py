"""Face boxes → one track per person through the sampled frames."""

from dataclasses import dataclass, field

import numpy as np

from faces.detect import LONG_GAP, Detection

MAX_STEP = 0.75  # how far a face may move between sampled frames, in box sides
MAX_LEAP = 1.5  # the same over a long gap; a speaker who leans over was 0.7 sides away
MAX_GROWTH = 1.8  # how much its box may grow or shrink between sampled frames


@dataclass
class Track:
    """One person: positions into the sampled frames, and the face found in each."""

    positions: list[int] = field(default_factory=list)
    detections: list[Detection] = field(default_factory=list)


def link(frames: list[list[Detection]], indices: list[int]) -> list[Track]:
    """Join faces of successive frames, nearest pairs first; each face is in one track.

    `indices` say which frames of the video they are.

    A track waits for its person through frames without them. Tracks come in the order in
    which they were begun, left to right within a frame.
    """
    tracks: list[Track] = []
    for position, detections in enumerate(frames):
        pairs = sorted(
            (step, t, d)
            for t, track in enumerate(tracks)
            for d, detection in enumerate(detections)
            if (step := _step(track.detections[-1].box, detection.box))
            <= _reach(indices[position] - indices[track.positions[-1]])
        )
        taken_tracks: set[int] = set()
        taken: set[int] = set()
        for _, t, d in pairs:
            if t not in taken_tracks and d not in taken:
                _append(tracks[t], position, detections[d])
                taken_tracks.add(t)
                taken.add(d)
        fresh = [detection for d, detection in enumerate(detections) if d not in taken]
        for detection in sorted(fresh, key=lambda face: face.box[0]):
            tracks.append(Track())
            _append(tracks[-1], position, detection)
    return tracks


def _append(track: Track, position: int, detection: Detection) -> None:
    track.positions.append(position)
    track.detections.append(detection)


def _reach(gap: int) -> float:
    """How far a face may be after `gap` frames of the video, in box sides."""
    return MAX_LEAP if gap > LONG_GAP else MAX_STEP


def _step(last: np.ndarray, box: np.ndarray) -> float:
    """Distance between the centres of two boxes in box sides; infinite when one is so much larger
    that they cannot be one face."""
    sides = [max(b[2] - b[0], b[3] - b[1], 1e-6) for b in (last, box)]
    if max(sides) > MAX_GROWTH * min(sides):
        return np.inf
    offset = (last[:2] + last[2:] - box[:2] - box[2:]) / 2
    return float(np.hypot(*offset) / (sum(sides) / 2))
