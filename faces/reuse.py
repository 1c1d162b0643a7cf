"""A fake has the geometry of its original: faces that were found there need not be looked for
again. Whether that is so for two files is checked, never assumed."""

from typing import Any

import numpy as np

from faces.detect import Detection, FaceDetector, intersection_over_union
from faces.frames import Frames
from faces.track import Track

SAME_PLACE = 0.5  # intersection over union of a face looked for and the one expected there


def reuse(frames: Frames, original: dict[str, Any], detector: FaceDetector) -> list[Track] | None:
    """The tracks of `original`, a record of the crop store, put onto the frames of another video.

    None when they do not fit: another size, other frames, or, in two frames of a track, no face
    where it should be.
    """
    height, width = frames.images[0].shape[:2]
    shape = (original["width"], original["height"], original["total_frames"])
    if original["status"] != "ok" or shape != (width, height, frames.total):
        return None
    position = {index: i for i, index in enumerate(frames.indices)}
    if not all(position.keys() >= set(track["frames"]) for track in original["tracks"]):
        return None
    tracks = [
        Track([position[index] for index in track["frames"]], _detections(track))
        for track in original["tracks"]
    ]
    return tracks if all(_fits(track, frames, detector) for track in tracks) else None


def _detections(track: dict[str, Any]) -> list[Detection]:
    values = zip(track["boxes"], track["landmarks"], track["confidences"], strict=True)
    return [Detection(np.array(box), np.array(points), sure) for box, points, sure in values]


def _fits(track: Track, frames: Frames, detector: FaceDetector) -> bool:
    for at in {0, len(track.positions) // 2}:
        expected = track.detections[at]
        found = detector.follow(frames.images[track.positions[at]], [expected])
        if not found or intersection_over_union(found[0].box, expected.box) < SAME_PLACE:
            return False
    return True
