"""MTCNN must find the face there is, at its place in the full frame, and none in an empty one."""

import cv2
import numpy as np
import pytest

from faces.detect import Detection, FaceDetector

BLANK = np.zeros((240, 320, 3), np.uint8)


def centre(detection: Detection) -> np.ndarray:
    return (detection.box[:2] + detection.box[2:]) / 2


@pytest.mark.parametrize("level", [0, 128, 255])
def test_blank_frames_give_no_faces(detector: FaceDetector, level: int) -> None:
    assert detector.detect([np.full_like(BLANK, level)] * 2) == [[], []]


@pytest.mark.parametrize("shape", [(16, 16), (1, 1), (39, 320), (240, 39)])
def test_frames_smaller_than_a_face_give_none(
    detector: FaceDetector, shape: tuple[int, int]
) -> None:
    assert min(shape) < detector.config.min_face_size
    assert detector.detect([np.full((*shape, 3), 90, np.uint8)] * 3) == [[], [], []]


def test_a_frame_just_as_large_as_a_face_is_searched_without_failing(
    detector: FaceDetector,
) -> None:
    side = detector.config.min_face_size
    assert detector.detect([np.full((side, side, 3), 90, np.uint8)]) == [[]]


def test_a_face_among_blank_frames_is_found_where_it_is(
    detector: FaceDetector, heads: list[list[np.ndarray]]
) -> None:
    found = detector.detect([BLANK, heads[0][0], BLANK])
    assert [len(faces) for faces in found] == [0, 1, 0]
    (face,) = found[1]
    assert face.box.shape == (4,)
    assert face.landmarks.shape == (5, 2)
    assert 0.9 < face.confidence <= 1
    left, top, right, bottom = face.box
    inside = (face.landmarks > [left, top]) & (face.landmarks < [right, bottom])
    assert inside.all(), "eyes, nose and mouth lie in the box"


def test_more_frames_than_a_batch_keep_their_order(
    detector: FaceDetector, heads: list[list[np.ndarray]]
) -> None:
    small = [cv2.resize(image, (160, 120)) for image in (BLANK, heads[0][0])]
    pattern = [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    found = detector.detect([small[shown] for shown in pattern])
    assert [len(faces) for faces in found] == pattern


def test_boxes_of_a_large_frame_are_in_its_own_pixels(
    detector: FaceDetector, heads: list[list[np.ndarray]]
) -> None:
    """960×720 is searched at 720×540; the box must still be three times that in 320×240."""
    image = heads[0][0]
    large = cv2.resize(image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    assert min(large.shape[:2]) > detector.config.detect_size
    (small,), (big,) = detector.detect([image])[0], detector.detect([large])[0]
    assert np.abs(centre(big) - 3 * centre(small)).max() < 25
    assert np.abs(big.landmarks - 3 * small.landmarks).max() < 25
