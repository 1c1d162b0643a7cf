"""MTCNN must find the face there is, at its place in the full frame, and none in an empty one."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faces.detect import LONG_GAP, Detection, FaceDetector, intersection_over_union

BLANK = np.zeros((240, 320, 3), np.uint8)


@st.composite
def boxes(draw: st.DrawFn) -> np.ndarray:
    left, top = draw(st.floats(-50, 50)), draw(st.floats(-50, 50))
    return np.array([left, top, left + draw(st.floats(1, 60)), top + draw(st.floats(1, 60))])


def detect(detector: FaceDetector, images: list[np.ndarray]) -> list[list[Detection]]:
    """In frames that follow each other in the video."""
    return detector.detect(images, list(range(len(images))))


def centre(detection: Detection) -> np.ndarray:
    return (detection.box[:2] + detection.box[2:]) / 2


@pytest.mark.parametrize("level", [0, 128, 255])
def test_blank_frames_give_no_faces(detector: FaceDetector, level: int) -> None:
    assert detect(detector, [np.full_like(BLANK, level)] * 2) == [[], []]


@pytest.mark.parametrize("shape", [(16, 16), (1, 1), (26, 320), (240, 26)])
def test_frames_smaller_than_a_face_give_none(
    detector: FaceDetector, shape: tuple[int, int]
) -> None:
    assert min(shape) < detector.config.min_face_size
    assert detect(detector, [np.full((*shape, 3), 90, np.uint8)] * 3) == [[], [], []]


def test_a_frame_just_as_large_as_a_face_is_searched_without_failing(
    detector: FaceDetector,
) -> None:
    side = detector.config.min_face_size
    assert detect(detector, [np.full((side, side, 3), 90, np.uint8)]) == [[]]


def test_a_face_among_blank_frames_is_found_where_it_is(
    detector: FaceDetector, heads: list[list[np.ndarray]]
) -> None:
    found = detect(detector, [BLANK, heads[0][0], BLANK])
    assert [len(faces) for faces in found] == [0, 1, 0]
    (face,) = found[1]
    assert face.box.shape == (4,)
    assert face.landmarks.shape == (5, 2)
    assert 0.9 < face.confidence <= 1
    left, top, right, bottom = face.box
    inside = (face.landmarks > [left, top]) & (face.landmarks < [right, bottom])
    assert inside.all(), "eyes, nose and mouth lie in the box"


def test_faces_that_come_and_go_are_found_in_their_frames(
    detector: FaceDetector, heads: list[list[np.ndarray]]
) -> None:
    small = [cv2.resize(image, (160, 120)) for image in (BLANK, heads[0][0])]
    pattern = [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    found = detect(detector, [small[shown] for shown in pattern])
    assert [len(faces) for faces in found] == pattern


def test_boxes_of_a_large_frame_are_in_its_own_pixels(
    detector: FaceDetector, heads: list[list[np.ndarray]]
) -> None:
    """960×720 is searched at 720×540; the box must still be three times that in 320×240."""
    image = heads[0][0]
    large = cv2.resize(image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    assert min(large.shape[:2]) > detector.config.detect_size
    (small,), (big,) = detect(detector, [image])[0], detect(detector, [large])[0]
    assert np.abs(centre(big) - 3 * centre(small)).max() < 25
    assert np.abs(big.landmarks - 3 * small.landmarks).max() < 25


def searches(detector: FaceDetector, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by one for every search of a whole frame."""
    seen: list[int] = []
    search = FaceDetector.search

    def counted(self: FaceDetector, image: np.ndarray) -> list[Detection]:
        seen.append(1)
        return search(self, image)

    monkeypatch.setattr(FaceDetector, "search", counted)
    return seen


def test_a_face_that_stays_is_followed_without_searching(
    detector: FaceDetector, heads: list[list[np.ndarray]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = searches(detector, monkeypatch)
    found = detect(detector, heads[0])
    assert [len(faces) for faces in found] == [1] * 12
    assert len(seen) == 2, "the first frame and the last"
    alone = [detect(detector, [image])[0][0] for image in heads[0]]
    for (followed,), searched in zip(found, alone, strict=True):
        assert intersection_over_union(followed.box, searched.box) > 0.8
        assert np.abs(followed.landmarks - searched.landmarks).max() < 5


def test_a_second_person_who_comes_between_two_searches_is_found_from_the_start(
    detector: FaceDetector, heads: list[list[np.ndarray]]
) -> None:
    alone = [np.hstack([image, BLANK]) for image in heads[0][:7]]
    both = [np.hstack(pair) for pair in zip(heads[0][7:], heads[1][7:], strict=True)]
    found = detect(detector, alone + both)
    assert [len(faces) for faces in found] == [1] * 7 + [2] * 5


def test_nobody_is_looked_for_across_a_long_gap(
    detector: FaceDetector, heads: list[list[np.ndarray]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is at a person's old place seconds later may pass for a face, but it is not theirs."""
    near, far = [0, 1, 1 + LONG_GAP, 2 + LONG_GAP], [0, 1, 2 + LONG_GAP, 3 + LONG_GAP]
    searched = {}
    for name, indices in {"near": near, "far": far}.items():
        with monkeypatch.context() as patch:
            seen = searches(detector, patch)
            assert [len(faces) for faces in detector.detect(heads[0][:4], indices)] == [1] * 4
            searched[name] = len(seen)
    assert searched == {"near": 2, "far": 3}


def test_one_face_is_never_two(detector: FaceDetector, heads: list[list[np.ndarray]]) -> None:
    (face,) = detect(detector, heads[0][:1])[0]
    shifted = Detection(face.box + 4, face.landmarks + 4, face.confidence)
    assert len(detector.follow(heads[0][1], [face, shifted])) == 1


@given(boxes(), boxes())
def test_intersection_over_union_is_a_share_and_symmetric(a: np.ndarray, b: np.ndarray) -> None:
    value = intersection_over_union(a, b)
    assert 0 <= value <= 1
    assert value == intersection_over_union(b, a)
    assert intersection_over_union(a, a) == pytest.approx(1)


def test_intersection_over_union_of_known_boxes() -> None:
    box = np.array([0.0, 0.0, 10.0, 10.0])
    assert intersection_over_union(box, box + np.array([5.0, 0.0, 5.0, 0.0])) == pytest.approx(
        1 / 3
    )
    assert intersection_over_union(box, box + 10) == 0
