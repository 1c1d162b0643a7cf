"""A video file becomes tracks of crops; the hostile files are in test_hostile_files.py."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from faces.detect import FaceDetector
from faces.extract import Extraction, FaceTrack, extract_faces
from tests.helpers.video_files import side_by_side, write_video


def check_lengths(track: FaceTrack) -> None:
    lists = (track.seconds, track.boxes, track.landmarks, track.confidences, track.jpegs)
    assert {len(values) for values in lists} == {len(track.frames)}
    assert track.frames == sorted(set(track.frames))


@pytest.fixture(scope="module")
def one(
    tmp_path_factory: pytest.TempPathFactory,
    heads: list[list[np.ndarray]],
    detector: FaceDetector,
) -> Extraction:
    path = tmp_path_factory.mktemp("one") / "one.mp4"
    return extract_faces(write_video(path, heads[0]), detector)


def test_a_talking_head_is_one_track_through_every_sampled_frame(one: Extraction) -> None:
    assert (one.status, one.detail) == ("ok", "")
    assert (one.width, one.height, one.fps) == (320, 240, 25.0)
    assert (one.total_frames, one.sampled_frames) == (12, 6)
    (track,) = one.tracks
    check_lengths(track)
    assert track.frames == [1, 3, 5, 7, 9, 11]
    assert track.seconds == [0.04, 0.12, 0.2, 0.28, 0.36, 0.44]


def test_boxes_and_landmarks_lie_on_the_face(one: Extraction) -> None:
    (track,) = one.tracks
    for box, landmarks, confidence in zip(
        track.boxes, track.landmarks, track.confidences, strict=True
    ):
        left, top, right, bottom = box
        assert 0 < left < right < 320
        assert 0 < top < bottom < 240
        assert len(landmarks) == 5
        assert all(left < x < right and top < y < bottom for x, y in landmarks)
        assert 0.9 < confidence <= 1


def test_crops_have_the_configured_size(one: Extraction, detector: FaceDetector) -> None:
    size = detector.config.face_size
    for data in one.tracks[0].jpegs:
        assert cv2.imdecode(np.frombuffer(data, np.uint8), -1).shape == (size, size, 3)


def test_two_people_side_by_side_are_two_tracks(
    tmp_path: Path, heads: list[list[np.ndarray]], detector: FaceDetector
) -> None:
    path = write_video(tmp_path / "two.mp4", side_by_side(*heads))
    extraction = extract_faces(path, detector)
    assert (extraction.status, extraction.width) == ("ok", 640)
    left, right = extraction.tracks
    for track in (left, right):
        check_lengths(track)
        assert len(track.frames) == 6
    assert all(box[2] < 320 for box in left.boxes)
    assert all(box[0] > 320 for box in right.boxes)


def test_extraction_depends_on_the_file_alone(
    tmp_path: Path, heads: list[list[np.ndarray]], detector: FaceDetector, one: Extraction
) -> None:
    assert extract_faces(write_video(tmp_path / "one.mp4", heads[0]), detector) == one
