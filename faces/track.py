"""Links the detections in successive frames to one track per person."""

from dataclasses import dataclass, field

import numpy as np

from faces.detect import LONG_GAP, Detection

MAX_STEP = 0.75  # largest distance that a face may move between sampled frames, in box sides
MAX_LEAP = 1.5  # the same over more than LONG_GAP; a speaker who leaned over had moved by 0.7
MAX_GROWTH = 1.8  # largest factor by which a box may grow or shrink between sampled frames


@dataclass
class Track:
    """One person: positions in the list of sampled frames, and the face detected at each
    position."""

    positions: list[int] = field(default_factory=list)
    detections: list[Detection] = field(default_factory=list)


def link(frames: list[list[Detection]], indices: list[int]) -> list[Track]:
    """Return the tracks formed by the faces of T sampled frames, one list per frame. In each frame,
    the nearest pairs of track and face are linked first. Each face belongs to exactly one track.

    `indices` (T,) are the frames' numbers in the video. A track continues after frames in which its
    person is not detected. Tracks are sorted by first frame, then from left to right.
    """
    tracks: list[Track] = []
    for position, detections in enumerate(frames):
        pairs = sorted(
            (step, t, d)
            for t, track in enumerate(tracks)
            for d, detection in enumerate(detections)
            if (step := _step(track.detections[-1].box, detection.box))
            <= _max_step(indices[position] - indices[track.positions[-1]])
        )
        linked_tracks: set[int] = set()
        linked_faces: set[int] = set()
        for _, t, d in pairs:
            if t not in linked_tracks and d not in linked_faces:
                _append(tracks[t], position, detections[d])
                linked_tracks.add(t)
                linked_faces.add(d)
        new = [detection for d, detection in enumerate(detections) if d not in linked_faces]
        for detection in sorted(new, key=lambda face: face.box[0]):
            tracks.append(Track())
            _append(tracks[-1], position, detection)
    return tracks


def _append(track: Track, position: int, detection: Detection) -> None:
    track.positions.append(position)
    track.detections.append(detection)


def _max_step(gap: int) -> float:
    """Return how far a face may move over `gap` frames of the video, in box sides."""
    return MAX_LEAP if gap > LONG_GAP else MAX_STEP


def _step(last: np.ndarray, box: np.ndarray) -> float:
    """Return the distance between the centres of two boxes in units of their mean side; infinite if
    their sizes differ too much to be the same face."""
    sides = [max(b[2] - b[0], b[3] - b[1], 1e-6) for b in (last, box)]
    if max(sides) > MAX_GROWTH * min(sides):
        return np.inf
    offset = (last[:2] + last[2:] - box[:2] - box[2:]) / 2
    return float(np.hypot(*offset) / (sum(sides) / 2))
