"""Where the face's five points are in the crops, from whatever was stored."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.preprocessing import FaceConfig
from datasets import landmarks
from extraction import shards, store
from faces.crop import cut
from faces.extract import Extraction
from tests.helpers.crop_sets import face_track

FACES = FaceConfig(face_size=64)
POINTS = [[12.0, 16.0], [22.0, 16.0], [17.0, 22.0], [13.0, 30.0], [21.0, 30.0]]


@given(
    corner=st.tuples(st.integers(-20, 120), st.integers(-20, 90)),
    sides=st.tuples(st.integers(30, 120), st.integers(30, 120)),
    place=st.tuples(st.floats(0.2, 0.8), st.floats(0.2, 0.8)),
    margin=st.floats(0, 0.6),
)
def test_a_dot_in_the_frame_is_where_its_mapped_point_is_in_the_crop(
    corner: tuple[int, int], sides: tuple[int, int], place: tuple[float, float], margin: float
) -> None:
    box = np.array([*corner, *np.add(corner, sides)], float)
    x, y = (round(c + s * p) for c, s, p in zip(corner, sides, place, strict=True))
    frame = np.zeros((240, 280, 3), np.uint8)
    if not (8 <= x < 272 and 8 <= y < 232):
        return  # beyond the edge it would be repeated
    cv2.circle(frame, (x, y), 4, (255, 255, 255), -1)
    rows, columns = np.nonzero(cut(frame, box, margin, 96)[..., 0] > 127)
    faces = FaceConfig(face_size=96, margin=margin)
    mapped = landmarks.to_crop_pixels(np.full((1, 5, 2), [x, y], float), box[None], faces)[0, 0]
    assert mapped == pytest.approx([columns.mean(), rows.mean()], abs=1.0)


def stored(folder: Path, points: Any, tar: bool = False) -> pd.DataFrame:
    """A video with two tracks; the second one's `points` in both of its frames."""
    tracks = [face_track([0], [b"x"]), face_track([3, 7], [b"y", b"z"])]
    tracks[1] = replace(tracks[1], landmarks=[points] * 2)
    store.save(folder / "crops/p/a.mp4", Extraction("ok", tracks=tracks), 1, tar)
    row = {"video_id": "p/a.mp4", "label": 0, "source": "a", "group": "a", "split": "train"}
    row |= {"method": "", "status": "ok", "width": 60, "height": 60}
    rows = [
        row | {"track": n, "frames": f, "crops": f"crops/p/a.mp4/track_{n}{'.tar' * tar}"}
        for n, f in ((0, 1), (1, 2))
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("way", ["files", "tar", "shards", "shards_url"])
def test_every_way_of_storing_a_track_gives_its_points(tmp_path: Path, way: str) -> None:
    table = stored(tmp_path, POINTS, tar=way == "tar")
    if way.startswith("shards"):
        url = "memory://landmarks" if way == "shards_url" else None
        table = shards.pack(table, tmp_path, url)
        shutil.rmtree(tmp_path / "crops")
    found = landmarks.track_landmarks(tmp_path, table.iloc[1], FACES)
    boxes = np.repeat([[1.5, 2.5, 30.0, 40.0]], 2, axis=0)  # of face_track
    assert np.array_equal(found, landmarks.to_crop_pixels(np.array([POINTS] * 2), boxes, FACES))


@pytest.mark.parametrize(
    "points",
    [
        None,
        [],
        [[1.0, 2.0]] * 4,
        [["x", 1.0]] * 5,
        [[3.0, 4.0]] * 5,
        [[float("nan"), 1.0], *POINTS[1:]],
        [[1e300, 1.0], *POINTS[1:]],
        (np.array(POINTS) + 500).tolist(),
    ],
    ids=["none", "empty", "four", "text", "one place", "not a number", "huge", "elsewhere"],
)
def test_points_that_are_no_face_give_way_to_a_typical_one(tmp_path: Path, points: Any) -> None:
    row = stored(tmp_path, points).iloc[1]
    assert np.array_equal(
        landmarks.track_landmarks(tmp_path, row, FACES), landmarks.typical_landmarks(2, FACES)
    )


def test_frames_without_landmarks_get_typical_ones_and_the_others_keep_theirs(
    tmp_path: Path,
) -> None:
    row = stored(tmp_path, POINTS).iloc[1]
    record = tmp_path / "crops/p/a.mp4/video.json"
    video = json.loads(record.read_text())
    video["tracks"][1]["landmarks"] = [[], POINTS]
    record.write_text(json.dumps(video))
    found = landmarks.track_landmarks(tmp_path, row, FACES)
    box = np.array([[1.5, 2.5, 30.0, 40.0]])  # of face_track
    assert np.array_equal(found[:1], landmarks.typical_landmarks(1, FACES))
    assert np.array_equal(found[1:], landmarks.to_crop_pixels(np.array([POINTS]), box, FACES))


def test_a_typical_face_in_a_face_crop_is_as_large_as_the_measured_margin_says() -> None:
    faces = FaceConfig(face_size=64, mode="cropped", margin=-0.1)
    points = landmarks.typical_landmarks(1, faces)
    detected = landmarks.typical_landmarks(1, replace(faces, mode="detect"))
    assert np.array_equal(points, detected)
    whole = np.array([[0.0, 0.0, 128.0, 128.0]])
    middle = landmarks.to_crop_pixels(np.full((1, 5, 2), 63.5), whole, faces)
    assert np.allclose(middle, 31.5), "the stored box is the whole crop"


@pytest.mark.parametrize(
    "text",
    [None, "", "{", "[]", "{}", '{"tracks": []}', json.dumps({"tracks": [{"crops": "track_1"}]})],
)
def test_crops_without_a_usable_record_are_typical_ones(tmp_path: Path, text: str | None) -> None:
    row = stored(tmp_path, POINTS).iloc[1]
    record = tmp_path / "crops/p/a.mp4/video.json"
    record.unlink() if text is None else record.write_text(text)
    assert np.array_equal(
        landmarks.track_landmarks(tmp_path, row, FACES), landmarks.typical_landmarks(2, FACES)
    )


def test_a_typical_face_lies_in_its_box_in_the_middle_of_the_crop() -> None:
    eyes, _, mouth = np.split(landmarks.typical_landmarks(1, FACES)[0], [2, 3])
    edge = FACES.face_size * FACES.margin / (1 + 2 * FACES.margin)
    assert ((eyes > edge) & (eyes < FACES.face_size - edge)).all()
    assert eyes[:, 1].max() < FACES.face_size / 2 < mouth[:, 1].min()
    assert eyes[:, 0].mean() == mouth[:, 0].mean() == (FACES.face_size - 1) / 2
