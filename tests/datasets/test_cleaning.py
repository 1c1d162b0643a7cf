"""Copies, contradictions and useless faces are found, and nothing else."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import DataError
from datasets import cleaning, manifest

SIDE = 96


def picture(seed: int, cells: int = 12) -> np.ndarray:
    """(SIDE, SIDE) uint8 grey: smooth blobs, as different as two seeds are; few are blurred."""
    coarse = np.random.default_rng(seed).uniform(20, 235, (cells, cells)).astype(np.float32)
    large = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.clip(large, 0, 255).astype(np.uint8)


class Collection:
    """A folder of videos and crops, and its table."""

    def __init__(self, root: Path) -> None:
        self.videos, self.crops = root / "videos", root / "out"
        self.videos.mkdir()
        self.rows: list[dict] = []

    def add(
        self,
        name: str,
        image: np.ndarray,
        *,
        label: int = 0,
        group: str | None = None,
        content: bytes | None = None,
        face: float = 100,
        track: int = 0,
        status: str = "ok",
    ) -> None:
        (self.videos / name).write_bytes(content or name.encode())
        folder = f"crops/{name}/track_{track}"
        (self.crops / folder).mkdir(parents=True)
        for frame in range(3):  # the middle one is looked at
            shown = image if frame == 1 else np.zeros_like(image)
            cv2.imwrite(str(self.crops / folder / f"{frame:07d}.jpg"), shown)
        empty = dict.fromkeys(manifest.COLUMNS, "")
        self.rows.append(
            empty
            | {"video_id": name, "path": name, "label": label, "group": group or name}
            | {"status": status, "track": track, "crops": folder, "frames": 3, "face_px": face}
        )

    @property
    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows)

    def found(self) -> dict[str, str]:
        table = cleaning.find(self.table, self.videos, self.crops)
        return dict(zip(table["video_id"], table["reason"], strict=True))


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """One real video and its fake, which look alike and are fine."""
    collection = Collection(tmp_path)
    collection.add("a.mp4", picture(1), group="a")
    collection.add("a_fake.mp4", np.clip(picture(1) + 3, 0, 255), label=1, group="a")
    return collection


def test_nothing_is_found_where_nothing_is_wrong(collection: Collection) -> None:
    collection.add("b.mp4", picture(2))
    assert collection.found() == {}


def test_of_videos_with_the_same_bytes_the_first_stays(collection: Collection) -> None:
    for name, seed in {"x.mp4": 2, "y.mp4": 3, "z.mp4": 4}.items():
        collection.add(name, picture(seed), content=b"same")
    assert collection.found() == {"y.mp4": "exact_duplicate", "z.mp4": "exact_duplicate"}


def test_a_finding_names_the_others_whatever_their_names(collection: Collection) -> None:
    for name, seed in {"a, b.mp4": 2, "c bits from d.mp4": 3}.items():
        collection.add(name, picture(seed), content=b"same")
    collection.add("e.mp4", picture(4), face=cleaning.MIN_FACE - 1)
    found = cleaning.find(collection.table, collection.videos, collection.crops)
    assert found[cleaning.OTHERS].tolist() == [("a, b.mp4",), ()]


def test_of_copies_one_that_is_used_stays(collection: Collection) -> None:
    collection.add("x.mp4", picture(2), content=b"same", status="skipped")
    collection.add("y.mp4", picture(3), content=b"same")
    assert collection.found() == {"x.mp4": "exact_duplicate"}


@pytest.mark.parametrize("status", ["unreadable", "missing"])
def test_a_file_that_was_refused_is_not_opened(collection: Collection, status: str) -> None:
    collection.add("x.mp4", picture(2), content=b"same")
    collection.add("y.mp4", picture(3), content=b"same", status=status)
    collection.rows[-1]["path"] = "y" * 300
    assert collection.found() == {}


def test_a_damaged_crop_is_said_in_one_line(collection: Collection) -> None:
    crop = collection.crops / collection.rows[0]["crops"] / f"{1:07d}.jpg"
    crop.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"crop 1 of .*track_0 is damaged"):
        collection.found()


def test_of_the_same_bytes_with_two_labels_none_stays(collection: Collection) -> None:
    collection.add("x.mp4", picture(2), content=b"same")
    collection.add("y.mp4", picture(3), content=b"same", label=1)
    assert collection.found() == {"x.mp4": "label_conflict", "y.mp4": "label_conflict"}


def test_a_video_that_looks_like_one_of_another_group_is_found(collection: Collection) -> None:
    small = cv2.resize(picture(1), (60, 60), interpolation=cv2.INTER_AREA)
    collection.add("copy.mp4", cv2.resize(small, (SIDE, SIDE)), group="other")
    assert collection.found()["copy.mp4"] == "near_duplicate"


def test_faces_that_are_small_or_blurred_are_found(collection: Collection) -> None:
    collection.add("small.mp4", picture(2), face=cleaning.MIN_FACE - 1)
    collection.add("blurred.mp4", picture(3, cells=3))
    collection.add("edge.mp4", picture(4), face=cleaning.MIN_FACE)
    collection.add("unknown.mp4", picture(5), face=0)
    assert collection.found() == {"small.mp4": "small_face", "blurred.mp4": "blurred"}


def test_a_dark_face_is_not_a_blurred_one(collection: Collection) -> None:
    bright = picture(3, cells=30)
    dark = (bright * 0.2).astype(np.uint8)
    ratio = cleaning.sharpness(dark) / cleaning.sharpness(bright)
    assert 0.8 < ratio < 1.25
    assert cleaning.sharpness(np.full((SIDE, SIDE), 9, np.uint8)) == 0


def test_one_large_face_of_two_is_enough(collection: Collection) -> None:
    collection.add("two.mp4", picture(2), face=10)
    collection.add("two.mp4", picture(3), face=90, track=1)
    assert collection.found() == {}


def test_what_is_left_out_keeps_one_row_with_the_reason(collection: Collection) -> None:
    collection.add("two.mp4", picture(2), face=10)
    collection.add("two.mp4", picture(3), face=12, track=1)
    found = cleaning.find(collection.table, collection.videos, collection.crops)
    kept = cleaning.without(collection.table, found)
    assert kept["video_id"].tolist() == ["a.mp4", "a_fake.mp4", "two.mp4"]
    row = kept.iloc[2]
    assert (row["status"], row["track"], row["crops"], row["frames"]) == ("skipped", -1, "", 0)
    assert "small_face" in row["detail"]
    untouched = kept.iloc[:2]
    pd.testing.assert_frame_equal(untouched, collection.table.iloc[:2])


def test_where_nothing_is_found_nothing_is_left_out(collection: Collection) -> None:
    found = cleaning.find(collection.table, collection.videos, collection.crops)
    assert found.empty
    pd.testing.assert_frame_equal(cleaning.without(collection.table, found), collection.table)


def test_a_table_without_faces_is_clean(tmp_path: Path) -> None:
    rows = [dict.fromkeys(manifest.COLUMNS, "") | {"path": "gone.mp4", "face_px": 0.0}]
    assert cleaning.find(pd.DataFrame(rows), tmp_path, tmp_path).empty


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(0, 20))
def test_pairs_are_those_that_a_plain_double_loop_finds(
    seed: int, count: int, distance: int
) -> None:
    random = np.random.default_rng(seed)
    bits = random.integers(0, 2, (count, 128))
    bits[1::2] = bits[::2][: len(bits[1::2])] ^ (random.random(bits[1::2].shape) < 0.1)
    hashes = np.packbits(bits.astype(bool), axis=1).view(np.uint64)
    expected = {
        (a, b, int((bits[a] != bits[b]).sum()))
        for a in range(count)
        for b in range(a + 1, count)
        if (bits[a] != bits[b]).sum() <= distance
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cleaning, "CHUNK", 7)
        assert set(cleaning.pairs_within(hashes, distance)) == expected
