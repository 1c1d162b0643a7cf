"""--layout folders: what folders and names say of label, split and source, and what they do not."""

from pathlib import Path

import pandas as pd
import pytest

from common.errors import DataError, UsageError
from datasets import layouts, splits
from datasets.manifest import FAKE, REAL
from tests.helpers.trees import column, touch


def read(root: Path, *names: str, fakes: tuple[str, ...] = ()) -> pd.DataFrame:
    touch(root, *names)
    return layouts.read("folders", root, fakes)


def refused(root: Path, *names: str) -> str:
    with pytest.raises(DataError) as caught:
        read(root, *names)
    return str(caught.value)


def test_a_name_in_real_and_in_fake_is_one_source(tmp_path: Path) -> None:
    table = read(tmp_path, "real/a.mp4", "fake/deep/a.MOV", "fake/b.png", "fake/notes.txt")
    assert column(table, "label") == {"real/a.mp4": 0, "fake/deep/a.MOV": 1, "fake/b.png": 1}
    assert column(table, "source") == {
        "real/a.mp4": "a",
        "fake/deep/a.MOV": "a",
        "fake/b.png": "b",
    }
    assert set(table["group"]) == {"a", "b"}
    assert set(table["method"]) == set(table["split"]) == {""}


@pytest.mark.parametrize(
    ("folder", "label"),
    [
        *(
            ("Real", REAL),
            ("real_videos", REAL),
            ("original_sequences", REAL),
            ("Celeb-real", REAL),
        ),
        *(("FAKE", FAKE), ("fake2", FAKE), ("Fake Videos", FAKE), ("deepfakes", FAKE)),
        *(("manipulated_sequences", FAKE), ("Celeb-synthesis", FAKE), ("NeuralTextures", FAKE)),
    ],
)
def test_known_words_say_the_label(tmp_path: Path, folder: str, label: int) -> None:
    assert read(tmp_path, f"{folder}/a.mp4")["label"].tolist() == [label]


@pytest.mark.parametrize(
    "folder", ["Real2Sim", "Method1", "realistic", "faked_by_me", "deepfake_in_the_wild", "videos"]
)
def test_an_unknown_folder_is_neither_real_nor_fake(tmp_path: Path, folder: str) -> None:
    said = refused(tmp_path, "real/a.mp4", "Face2Face/a.mp4", f"{folder}/a.mp4", "b.mp4")
    assert f"real or fake: {', '.join(sorted([folder, 'b.mp4']))};" in said
    assert "real videos: real; of fakes: Face2Face." in said
    assert "--fake_folders" in said


def test_fake_folders_name_methods(tmp_path: Path) -> None:
    files = ("real/a.mp4", "Real2Sim/deep/a.mp4", "fake/wav2lip/0001.png", "Face2Face/a.mp4")
    table = read(tmp_path, *files, fakes=("Real2Sim", "wav2lip"))
    assert column(table, "method") == {
        "real/a.mp4": "",
        "Real2Sim/deep/a.mp4": "Real2Sim",
        "fake/wav2lip/0001.png": "wav2lip",
        "Face2Face/a.mp4": "Face2Face",
    }
    assert table["label"].sum() == 3
    with pytest.raises(UsageError, match="no video in a folder called Sim2Real"):
        read(tmp_path, fakes=("Sim2Real",))
    with pytest.raises(UsageError, match="needs --layout folders"):
        layouts.read("dfdc", tmp_path, ["Real2Sim"])


def test_folders_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    assert "both in a folder of real" in refused(tmp_path, "real/a.mp4", "fake/real/b.mp4")


def test_a_folder_of_frames_is_one_video_and_one_source(tmp_path: Path) -> None:
    frames = [f"{n:05d}.jpg" for n in range(3)]
    names = [
        f"{v}/{f}" for v in ("real/000", "real/001", "fake/000", "fake/fake_7") for f in frames
    ]
    table = read(tmp_path, *names)
    assert column(table, "source") == {
        "fake/000": "000",
        "fake/fake_7": "fake_7",
        "real/000": "000",
        "real/001": "001",
    }
    assert table["video_id"].tolist() == table["path"].tolist()


def test_images_in_the_folder_of_their_label_are_single_pictures(tmp_path: Path) -> None:
    table = read(tmp_path, "real/00000.jpg", "real/00001.jpg", "fake/faces/00000.jpg")
    assert table["source"].tolist() == ["00000", "00000", "00001"]


def test_frames_beside_single_pictures_are_refused(tmp_path: Path) -> None:
    said = refused(tmp_path, "real/a.jpg", "fake/StyleGAN/1.png", "fake/StyleGAN/2.png")
    assert "fake/StyleGAN" in said
    assert "real/a.jpg" in said
    said = refused(tmp_path / "b", "real/0/1.png", "real/0/more/1.png", "fake/0/1.png")
    assert "real/0/more lies in a folder of frames" in said


def test_frames_that_lie_flat_have_the_source_of_their_video(tmp_path: Path) -> None:
    names = ["000_0001", "000_0002_1", "id0_0000_5", "clip_frame7", "img_12", "a0001", "x_y"]
    table = read(tmp_path, *(f"real/{name}.png" for name in names))
    expected = ["000", "000", "a0001", "clip", "id0", "img_12", "x_y"]
    assert table["source"].tolist() == expected
    videos = read(tmp_path / "videos", *(f"real/{name}.mp4" for name in names))
    assert set(videos["source"]) == set(names), "a video has no frame number"


def test_names_that_repeat_in_folders_of_reals_are_no_sources(tmp_path: Path) -> None:
    reals = ("real/anna/01.mp4", "real/ben/01.mp4", "real/ben/02.mp4")
    table = read(tmp_path, *reals, "fake/anna/01.mp4", "fake/ben/7.mp4")
    assert table["source"].tolist() == ["anna", "ben", "anna", "ben", "ben"]
    methods = read(tmp_path / "b", "real/01.mp4", "fake/x/01.mp4", "fake/y/01.mp4")
    assert set(methods["source"]) == {"01"}, "made by two methods from one video"


def test_the_splits_of_a_tree_are_respected(tmp_path: Path) -> None:
    names = [f"{split}/{label}/1.mp4" for split in SPLITS for label in ("Real", "Fake")]
    table = read(tmp_path, *names)
    videos = splits.complete(table, 0, 0.3, 0.3)
    expected = {name: SPLITS[name.partition("/")[0]] for name in names}
    assert column(videos, "split") == expected
    assert set(videos["status"]) == {""}


SPLITS = {"Train": "train", "Validation": "val", "Test": "test"}


def test_the_frames_of_wilddeepfake_keep_their_split_and_their_video(tmp_path: Path) -> None:
    tops = ("real_train", "fake_train", "real_test", "fake_test")
    names = [
        f"deepfake_in_the_wild/{top}/{video}/{top.partition('_')[0]}/{clip}/{frame}.png"
        for top in tops
        for video in range(8)
        for clip in (2 * video, 2 * video + 1)
        for frame in range(2)
    ]
    table = read(tmp_path, *names)
    assert len(table) == 64
    clip = table.set_index("path").loc["deepfake_in_the_wild/fake_test/3/fake/7"]
    assert (clip["label"], clip["source"], clip["split"]) == (FAKE, "3", "test")
    videos = splits.complete(table, 0, 0.3, 0.1)
    assert set(videos["split"]) == {"train", "val", "test"}, "val is drawn from training"
    tests = videos["path"].str.contains("_test/")
    assert ((videos["split"] == "test") == tests).all()
    assert (videos.groupby("group")["split"].nunique() == 1).all()
    assert set(videos["status"]) == {""}


def test_a_tree_that_is_split_in_part_or_twice_is_refused(tmp_path: Path) -> None:
    said = refused(tmp_path / "a", "train/real/a.mp4", "fake/b.mp4")
    assert "train/real/a.mp4 is in a folder of the train split, and fake/b.mp4 in none" in said
    assert "two splits" in refused(tmp_path / "b", "train/real/test/a.mp4", "train/fake/b.mp4")


def test_the_frames_of_deepfakebench_are_read_without_masks_and_landmarks(tmp_path: Path) -> None:
    real, fake = "original_sequences/youtube/c23", "manipulated_sequences/Deepfakes/c23"
    names = [f"{real}/frames/000/{n:03d}.png" for n in range(2)]
    names += [f"{fake}/frames/000_003/{n:03d}.png" for n in range(2)]
    names += [f"{fake}/masks/000_003/000.png", f"{real}/landmarks/000/000.npy"]
    table = read(tmp_path, *names)
    assert column(table, "method") == {
        f"{fake}/frames/000_003": "Deepfakes",
        f"{real}/frames/000": "",
    }
    assert table["source"].tolist() == ["000_003", "000"]


def test_what_is_never_data_is_left_out(tmp_path: Path) -> None:
    junk = ("real/._a.mp4", "__MACOSX/real/._a.mp4", ".Trash-1000/files/b.mp4", "fake/masks/a.mp4")
    table = read(tmp_path, *junk, ".ipynb_checkpoints/a-checkpoint.jpg", "real/a.mp4", "fake/a.mp4")
    assert list(column(table, "label")) == ["fake/a.mp4", "real/a.mp4"]
