"""Frames that are face crops already, or are taken whole."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from common.preprocessing import FaceConfig
from faces.crop import cut
from faces.detect import FaceDetector
from faces.extract import FaceTrack, extract_faces, face_side

CONFIG = FaceConfig(frames_per_video=6, face_size=64)


def extract(path: Path, mode: str, images: Sequence[np.ndarray]) -> FaceTrack:
    """Write the images as a folder of frames, and extract its only track."""
    path.mkdir()
    for number, image in enumerate(images):
        cv2.imwrite(str(path / f"{number:03d}.png"), image[..., ::-1])
    extraction = extract_faces(path, FaceDetector(replace(CONFIG, mode=mode)))
    assert extraction.status == "ok"
    (track,) = extraction.tracks
    assert track.frames == list(range(len(images)))
    return track


def decode(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


@pytest.mark.parametrize("margin", [-0.14, 0.0, 0.3, 0.6])
def test_the_margin_that_crops_were_cut_with_is_measured(
    tmp_path: Path, heads: list[list[np.ndarray]], detector: FaceDetector, margin: float
) -> None:
    frames = [*heads[0][:3], *heads[1][:3]]
    faces = [detector.search(frame)[0] for frame in frames]
    crops = [cut(f, face.box, margin, 160) for f, face in zip(frames, faces, strict=True)]
    track = extract(tmp_path / "crops", "cropped", crops)
    assert None not in track.margins
    assert np.median(track.margins) == pytest.approx(margin, abs=0.05)
    assert min(track.confidences) > 0.7
    side = 160 / (1 + 2 * margin)
    assert face_side(track.boxes, track.margins) == pytest.approx(side, rel=0.08)


def test_landmarks_of_a_crop_are_those_of_the_frame(
    tmp_path: Path, heads: list[list[np.ndarray]], detector: FaceDetector
) -> None:
    face = detector.search(heads[0][0])[0]
    left, top = np.floor(face.box[:2]).astype(int) - 20
    right, bottom = np.ceil(face.box[2:]).astype(int) + 10
    track = extract(tmp_path / "crops", "cropped", [heads[0][0][top:bottom, left:right]])
    found = np.array(track.landmarks[0]) + np.array([left, top])
    assert found == pytest.approx(face.landmarks, abs=3)


def test_a_crop_without_a_face_that_mtcnn_finds_is_a_crop_all_the_same(tmp_path: Path) -> None:
    track = extract(tmp_path / "crops", "cropped", [np.full((90, 60, 3), 90, np.uint8)])
    assert (track.landmarks, track.confidences, track.margins) == ([[]], [0.0], [None])
    assert face_side(track.boxes, track.margins) == 0


def test_a_whole_picture_is_its_own_crop_unsqueezed_and_nothing_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FaceDetector, "search", None)
    image = np.full((60, 120, 3), 200, np.uint8)
    cv2.circle(image, (60, 30), 20, (0, 0, 255), -1)
    track = extract(tmp_path / "whole", "whole", [image])
    assert (track.boxes, track.margins) == ([[0, 0, 120, 60]], [])
    assert (track.landmarks, track.confidences) == ([[]], [0.0])
    crop = decode(track.jpegs[0])
    assert crop.shape == (64, 64, 3)
    rows, columns = np.nonzero(crop[..., 0] < 100)
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=1), "the disk is still round"
    assert np.ptp(columns) == pytest.approx(64 * 40 / 120, abs=2)


def test_pictures_of_any_shape_are_taken(tmp_path: Path) -> None:
    for mode in ("cropped", "whole"):
        for height, width in ((1, 1), (1, 400), (400, 1), (7, 5)):
            track = extract(
                tmp_path / f"{mode}{height}_{width}", mode, [np.zeros((height, width, 3), np.uint8)]
            )
            assert decode(track.jpegs[0]).shape == (64, 64, 3)
