"""FaceForensics++ and Celeb-DF: labels, sources and what must stay together."""

import json
from pathlib import Path

import pytest

from common.errors import DataError, UsageError
from datasets import layouts, splits
from datasets.manifest import FAKE, REAL
from tests.helpers.trees import column, touch

REALS = "original_sequences/youtube/c23/videos"
SWAPS = "manipulated_sequences/Deepfakes/c23/videos"
ACTORS = "original_sequences/actors/c23/videos"
GOOGLE = "manipulated_sequences/DeepFakeDetection/c23/videos"


@pytest.fixture
def ffpp(tmp_path: Path) -> Path:
    videos = [f"{REALS}/{number}.mp4" for number in ("183", "253", "469")]
    videos += [f"{SWAPS}/183_253.mp4", f"{SWAPS}/253_183.mp4", f"{SWAPS}/469_481.mp4"]
    videos += [f"{ACTORS}/01__talking.mp4", f"{ACTORS}/02__talking.mp4"]
    videos += [f"{GOOGLE}/01_02__talking__ABCDEFGH.mp4"]
    touch(tmp_path, *videos)
    return tmp_path


def test_ffpp_fakes_name_their_method_and_their_original(ffpp: Path) -> None:
    table = layouts.read("ffpp", ffpp)
    assert len(table) == 9
    assert column(table, "label")[f"{REALS}/183.mp4"] == REAL
    swap = table.set_index("path").loc[f"{SWAPS}/183_253.mp4"]
    assert (swap["label"], swap["method"], swap["source"]) == (FAKE, "Deepfakes", "183")
    google = table.set_index("path").loc[f"{GOOGLE}/01_02__talking__ABCDEFGH.mp4"]
    assert (google["method"], google["source"]) == ("DeepFakeDetection", "01__talking")


def test_ffpp_keeps_target_and_source_of_a_fake_together(ffpp: Path) -> None:
    group = column(layouts.read("ffpp", ffpp), "group")
    assert group[f"{REALS}/183.mp4"] == group[f"{REALS}/253.mp4"] == group[f"{SWAPS}/253_183.mp4"]
    assert group[f"{REALS}/469.mp4"] == group[f"{SWAPS}/469_481.mp4"]
    assert group[f"{ACTORS}/01__talking.mp4"] == group[f"{ACTORS}/02__talking.mp4"]
    assert len(set(group.values())) == 3


@pytest.mark.parametrize("folder", [".", "splits"])
def test_ffpp_follows_the_official_split_where_its_files_are(ffpp: Path, folder: str) -> None:
    (ffpp / folder).mkdir(exist_ok=True)
    (ffpp / folder / "test.json").write_text(json.dumps([["183", "253"]]))
    (ffpp / folder / "train.json").write_text(json.dumps([["469", "481"]]))
    split = column(layouts.read("ffpp", ffpp), "split")
    assert {split[f"{REALS}/{number}.mp4"] for number in ("183", "253")} == {"test"}
    assert split[f"{SWAPS}/469_481.mp4"] == "train"
    assert split[f"{ACTORS}/01__talking.mp4"] == ""


def test_ffpp_with_a_broken_split_file_is_refused(ffpp: Path) -> None:
    (ffpp / "test.json").write_text("3")
    with pytest.raises(DataError, match=r"test\.json should hold"):
        layouts.read("ffpp", ffpp)


@pytest.fixture
def celebdf(tmp_path: Path) -> Path:
    touch(
        tmp_path,
        "Celeb-real/id0_0000.mp4",
        "Celeb-real/id1_0000.mp4",
        "YouTube-real/00000.mp4",
        "Celeb-synthesis/id0_id1_0000.mp4",
        "Celeb-synthesis/id1_id0_0000.mp4",
    )
    (tmp_path / "List_of_testing_videos.txt").write_text(
        "1 Celeb-real/id0_0000.mp4\n0 Celeb-synthesis/id1_id0_0000.mp4\n"
    )
    return tmp_path


def test_celebdf_fakes_belong_to_the_video_that_they_were_made_from(celebdf: Path) -> None:
    table = layouts.read("celebdf", celebdf)
    source = column(table, "source")
    assert source["Celeb-synthesis/id0_id1_0000.mp4"] == source["Celeb-real/id0_0000.mp4"]
    labels = column(table, "label")
    assert sum(labels.values()) == 2
    assert labels["YouTube-real/00000.mp4"] == REAL


def test_celebdf_skips_what_would_be_on_both_sides_of_the_official_split(celebdf: Path) -> None:
    videos = splits.complete(layouts.read("celebdf", celebdf), 0, 0, 0.5)
    assert column(videos, "split") == {
        "Celeb-real/id0_0000.mp4": "test",
        "Celeb-synthesis/id0_id1_0000.mp4": "test",
        "Celeb-synthesis/id1_id0_0000.mp4": "test",
        "Celeb-real/id1_0000.mp4": "test",
        "YouTube-real/00000.mp4": "train",
    }
    skipped = videos.loc[videos["status"] == "skipped", "path"]
    assert set(skipped) == {"Celeb-synthesis/id0_id1_0000.mp4", "Celeb-real/id1_0000.mp4"}


def test_an_official_split_that_tears_a_group_apart_is_refused(celebdf: Path) -> None:
    videos = layouts.read("celebdf", celebdf)
    videos.loc[videos["path"] == "Celeb-synthesis/id0_id1_0000.mp4", "split"] = "train"
    with pytest.raises(DataError, match=r"divides the group of Celeb-real/id0_0000"):
        splits.complete(videos, 0, 0, 0)


@pytest.mark.parametrize("layout", layouts.LAYOUTS)
def test_a_wrong_layout_says_what_it_expected_and_what_it_saw(tmp_path: Path, layout: str) -> None:
    touch(tmp_path, "pictures/holiday.txt")
    with pytest.raises(DataError, match=r"expected .*found pictures"):
        layouts.read(layout, tmp_path)


def test_an_unknown_layout_lists_the_choices_and_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"dfdc, ffpp, celebdf, folders; did you mean ffpp"):
        layouts.read("ffp", tmp_path)


def test_a_root_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        layouts.read("dfdc", tmp_path / "absent")


@pytest.mark.parametrize("name", ["clip.mp4", "id0_0000.mp4", "id0_id1_id2_0000.mp4"])
def test_a_celebdf_fake_that_does_not_name_its_original_is_refused(
    celebdf: Path, name: str
) -> None:
    touch(celebdf, f"Celeb-synthesis/{name}")
    with pytest.raises(DataError, match=f"{name} is not named as Celeb-DF's fakes are"):
        layouts.read("celebdf", celebdf)
