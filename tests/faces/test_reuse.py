"""Faces of an original are taken over where they fit, and only there."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from extraction import store
from faces.detect import FaceDetector
from faces.extract import Extraction, extract_faces
from tests.helpers.video_files import write_video


@pytest.fixture
def original(tmp_path: Path, heads: list[list[np.ndarray]], detector: FaceDetector) -> Extraction:
    return extract_faces(write_video(tmp_path / "original.mp4", heads[0]), detector)


def record(tmp_path: Path, extraction: Extraction) -> dict[str, Any]:
    """As the crop store gives it."""
    store.save(tmp_path / "crops", extraction, 1)
    return store.load(tmp_path / "crops")


def test_a_fake_of_the_same_geometry_takes_the_faces_over_and_keeps_its_own_pixels(
    tmp_path: Path,
    heads: list[list[np.ndarray]],
    detector: FaceDetector,
    original: Extraction,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed = [cv2.GaussianBlur(image, (0, 0), 1.5) for image in heads[0]]
    fake = write_video(tmp_path / "fake.mp4", changed)
    known = record(tmp_path, original)
    monkeypatch.setattr(FaceDetector, "search", None)  # nothing may be searched
    found = extract_faces(fake, detector, known)
    assert (found.status, found.reused) == ("ok", True)
    assert found.tracks[0].boxes == original.tracks[0].boxes
    assert found.tracks[0].landmarks == original.tracks[0].landmarks
    assert found.tracks[0].jpegs != original.tracks[0].jpegs


@pytest.mark.parametrize("change", ["moved", "longer", "larger", "other status"])
def test_what_does_not_fit_is_looked_at_anew(
    tmp_path: Path,
    heads: list[list[np.ndarray]],
    detector: FaceDetector,
    original: Extraction,
    change: str,
) -> None:
    images = heads[0]
    known = record(tmp_path, original)
    if change == "moved":
        images = [np.roll(image, 70, axis=1) for image in images]
    elif change == "longer":
        images = [*images, images[-1]]
    elif change == "larger":
        images = [cv2.resize(image, (640, 480)) for image in images]
    else:
        known["status"] = "no_face"
    video = write_video(tmp_path / "fake.mp4", images)
    found = extract_faces(video, detector, known)
    alone = extract_faces(video, detector)
    assert found == alone
    assert (found.status, found.reused) == ("ok", False)
