"""FaceForensics++ and Celeb-DF: labels, sources and what must stay together."""

import json
from pathlib import Path
from typing import Any

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


def test_ffpp_is_read_in_any_case(tmp_path: Path) -> None:
    touch(tmp_path, "Original_Sequences/youtube/c23/videos/183.mp4")
    touch(tmp_path, "Manipulated_Sequences/Deepfakes/c23/videos/183_253.mp4")
    table = layouts.read("ffpp", tmp_path)
    assert sorted(zip(table["label"], table["method"], strict=True)) == [
        (REAL, ""),
        (FAKE, "Deepfakes"),
    ]


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


def test_ffpp_leaves_out_masks_and_hidden_files(ffpp: Path) -> None:
    before = layouts.read("ffpp", ffpp)
    touch(ffpp, "manipulated_sequences/Deepfakes/masks/videos/183_253.mp4", f"{REALS}/._183.mp4")
    assert layouts.read("ffpp", ffpp).equals(before)


@pytest.mark.parametrize("layout", ["ffpp", "celebdf"])
def test_a_dataset_in_a_folder_of_its_own_is_found(
    tmp_path: Path, request: pytest.FixtureRequest, layout: str
) -> None:
    request.getfixturevalue(layout)
    before = layouts.read(layout, tmp_path)
    inner = tmp_path / "download" / "unpacked"
    inner.mkdir(parents=True)
    for path in list(tmp_path.iterdir()):
        if path.name != "download":
            path.rename(inner / path.name)
    table = layouts.read(layout, tmp_path)
    columns = ["label", "source", "group", "split", "method"]
    assert table[columns].equals(before[columns])
    assert table["path"].tolist() == [f"download/unpacked/{path}" for path in before["path"]]
    touch(tmp_path, f"again/{before['path'][0]}")
    with pytest.raises(DataError, match=r"several datasets, in again and unpacked"):
        layouts.read(layout, tmp_path)


@pytest.mark.parametrize("frames", ["frames", "images"])
def test_folders_of_frames_are_read_where_their_video_is_not(ffpp: Path, frames: str) -> None:
    before = len(layouts.read("ffpp", ffpp))
    home = f"original_sequences/youtube/c23/{frames}"
    touch(ffpp, *(f"{home}/{video}/{n}.png" for video in ("183", "999") for n in range(2)))
    table = layouts.read("ffpp", ffpp)
    assert len(table) == before + 1
    row = table.set_index("path").loc[f"{home}/999"]
    assert (row["label"], row["source"]) == (REAL, "999")


def test_links_to_folders_are_followed_once(ffpp: Path, tmp_path_factory: Any) -> None:
    disk = tmp_path_factory.mktemp("disk")
    touch(disk, "c23/videos/183_469.mp4")
    (ffpp / "manipulated_sequences/FaceSwap").symlink_to(disk)
    (disk / "c23/loop").symlink_to(disk)
    table = layouts.read("ffpp", ffpp)
    assert (table["method"] == "FaceSwap").sum() == 1


def test_celebdf_plus_plus_has_folders_of_methods(celebdf: Path) -> None:
    names = ("FaceSwap/InSwapper/id0_id1_0000.mp4", "TalkingFace/X/id1_0000_id0_0003.mp4")
    touch(celebdf, *(f"Celeb-synthesis/{name}" for name in names))
    with (celebdf / "List_of_testing_videos.txt").open("a") as file:
        file.write(f"0 Celeb-synthesis/{names[0]}\n")
    table = layouts.read("celebdf", celebdf).set_index("path")
    swap, talk = (table.loc[f"Celeb-synthesis/{name}"] for name in names)
    assert (swap["method"], swap["source"]) == ("InSwapper", "Celeb-real/id0_0000")
    assert (talk["method"], talk["source"]) == ("X", "Celeb-real/id1_0000")
    assert (swap["split"], talk["split"]) == ("test", "")
    assert table.loc["Celeb-synthesis/id0_id1_0000.mp4", "split"] == "", "another video"


def test_celebdf_is_read_with_folders_of_videos_and_any_case(tmp_path: Path) -> None:
    reals = ("Celeb-real/videos/id0_0000.mp4", "Youtube-real/videos/00001.mp4")
    touch(tmp_path, *reals, "Celeb-synthesis/videos/id0_id1_0000.mp4")
    (tmp_path / "List_of_testing_videos.txt").write_text(
        "1 YouTube-real/00001.mp4\n", encoding="utf-8-sig"
    )
    table = layouts.read("celebdf", tmp_path)
    assert table["source"].tolist() == [
        "Celeb-real/id0_0000",
        "YouTube-real/00001",
        "Celeb-real/id0_0000",
    ]
    assert table["split"].tolist() == ["", "test", ""]
    assert table["method"].tolist() == ["", "", "Celeb-synthesis"]


def test_an_official_list_of_other_folders_is_refused(celebdf: Path) -> None:
    text = "0 Celeb-synthesis/FaceSwap/InSwapper/id0_id1_0000.mp4\n"
    (celebdf / "List_of_testing_videos.txt").write_text(text)
    with pytest.raises(DataError, match="lists fakes in Celeb-synthesis/FaceSwap/InSwapper"):
        layouts.read("celebdf", celebdf)


def test_an_official_list_that_is_no_text_is_refused_by_name(celebdf: Path) -> None:
    (celebdf / "List_of_testing_videos.txt").write_bytes(b"1 Celeb-real/\xff.mp4\n")
    with pytest.raises(DataError, match=r"List_of_testing_videos\.txt cannot be read as text"):
        layouts.read("celebdf", celebdf)


@pytest.mark.parametrize("layout", layouts.LAYOUTS)
def test_a_wrong_layout_says_what_it_expected_and_what_it_saw(tmp_path: Path, layout: str) -> None:
    touch(tmp_path, "pictures/holiday.txt")
    with pytest.raises(DataError, match=r"expected .*found pictures"):
        layouts.read(layout, tmp_path)


def test_an_unknown_layout_lists_the_choices_and_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"dfdc, ffpp, celebdf, folders, classes, table; did you mean ffpp"
    ):
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
