"""Crops for scoring: found as in training, or taken from pictures that are crops already."""

from dataclasses import replace

import pytest

from common.errors import UsageError
from common.preprocessing import FaceConfig
from faces.extract import Extraction
from inference import face_mode
from tests.helpers.crop_sets import face_track

FRAME = Extraction("ok", width=200, height=100)


def config(mode: str) -> FaceConfig:
    return FaceConfig(mode=mode, margin=0.2)


@pytest.mark.parametrize(
    ("trained", "asked", "used"),
    [
        ("detect", None, "detect"),
        ("detect", "detect", "detect"),
        ("detect", "cropped", "cropped"),
        ("cropped", None, "detect"),
        ("cropped", "cropped", "cropped"),
        ("whole", None, "whole"),
        ("whole", "whole", "whole"),
    ],
)
def test_faces_are_detected_unless_asked_or_trained_otherwise(
    trained: str, asked: str | None, used: str
) -> None:
    assert face_mode.choose(config(trained), asked) == config(used)


@pytest.mark.parametrize(
    ("trained", "asked"), [("whole", "detect"), ("whole", "cropped"), ("detect", "whole")]
)
def test_whole_pictures_and_faces_are_not_mixed(trained: str, asked: str) -> None:
    with pytest.raises(UsageError, match="was trained on"):
        face_mode.choose(config(trained), asked)


@pytest.mark.parametrize(
    ("margins", "warning"),
    [
        ([0.2, 0.21, None], None),
        ([0.28, 0.12, 0.2], None),
        ([-0.1, -0.1, None], "a margin of -0.10 around the face, trained with 0.20"),
        ([0.8, 0.7, 0.9], "a margin of 0.80 around the face, trained with 0.20"),
        ([None, None, None], "no face was found in the pictures"),
    ],
)
def test_face_crops_of_another_scale_get_a_warning(
    margins: list[float | None], warning: str | None
) -> None:
    track = replace(face_track([0, 1, 2], [b"x"] * 3), margins=margins)
    found = list(face_mode.crop_warnings(config("cropped"), FRAME, track))
    assert len(found) == (warning is not None)
    assert warning is None or warning in found[0]


@pytest.mark.parametrize(
    ("box", "warned"),
    [
        ([80.0, 30.0, 120.0, 70.0], False),
        ([0.0, 30.0, 40.0, 70.0], False),  # at the edge
        ([0.0, 0.0, 200.0, 100.0], True),  # fills the picture
        ([-30.0, -30.0, 10.0, 10.0], True),
    ],
)
def test_a_detected_face_that_fills_the_picture_gets_a_hint(box: list[float], warned: bool) -> None:
    track = replace(face_track([0], [b"x"]), boxes=[box])
    found = list(face_mode.crop_warnings(config("detect"), FRAME, track))
    assert [("use --faces cropped" in warning) for warning in found] == [True] * warned


def test_whole_pictures_get_no_warning_about_faces() -> None:
    track = replace(face_track([0], [b"x"]), boxes=[[0.0, 0.0, 200.0, 100.0]])
    assert list(face_mode.crop_warnings(config("whole"), FRAME, track)) == []
