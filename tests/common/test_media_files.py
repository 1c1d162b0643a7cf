"""What people's computers leave in folders is no data, whatever its ending."""

from pathlib import Path

import pytest

from common import media_files

JUNK = (
    *(
        "._clip.mp4",
        ".hidden.mkv",
        ".Trash-1000/files/old.mp4",
        ".ipynb_checkpoints/a-checkpoint.jpg",
    ),
    *("__MACOSX/real/clip.mp4", "$RECYCLE.BIN/a.mp4", "@eaDir/clip.mp4/SYNOPHOTO_THUMB_XL.jpg"),
    *("System Volume Information/a.mp4", "deep/lost+found/a.mp4", "#recycle/a.mp4"),
    *("thumbnails.png", "deep/Thumb.JPG", "Thumbs/a.jpg", "Thumbs.db", "desktop.ini", ".DS_Store"),
    *("masks/000_001.mp4", "deep/Mask/a.png", "notes.txt", "mp4", "clip.mp4.part"),
)
DATA = ("a.mp4", "deep/B.MOV", "deep/c.jpeg", "@alice/d.webm", "mask.mp4", "thumbs.mp4", "e.HEIC")


def found(folder: Path) -> set[str]:
    return {
        (parent / name).relative_to(folder).as_posix()
        for parent, names in media_files.walk(folder)
        for name in names
    }


@pytest.fixture
def cluttered(tmp_path: Path) -> Path:
    for name in (*JUNK, *DATA):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_videos_and_images_are_found_and_junk_is_not(cluttered: Path) -> None:
    assert found(cluttered) == set(DATA)


@pytest.mark.parametrize("name", ["masks", "__MACOSX", ".Trash-1000", "Thumbs"])
def test_a_folder_that_is_named_itself_is_searched(cluttered: Path, name: str) -> None:
    assert found(cluttered / name)


def test_links_to_folders_are_followed_on_request_and_loops_end(tmp_path: Path) -> None:
    (tmp_path / "disk/deep").mkdir(parents=True)
    (tmp_path / "disk/deep/a.mp4").touch()
    (tmp_path / "disk/deep/loop").symlink_to(tmp_path / "disk")
    root = tmp_path / "root"
    root.mkdir()
    for name in ("one", "two"):
        (root / name).symlink_to(tmp_path / "disk")
    (root / "self").symlink_to(root)
    (root / "nowhere").symlink_to(root / "nowhere")
    folders = [folder for folder, names in media_files.walk(root, follow=True) if names]
    assert folders == [root / "one/deep", root / "two/deep"]
    assert found(root) == set()


@pytest.mark.parametrize(
    "names",
    [["0001.png", "0002.png"], ["frame_1.jpg", "frame_10.JPG"], ["f1_face0.png", "f2_face1.png"]],
)
def test_images_that_differ_in_numbers_only_are_frames(names: list[str]) -> None:
    assert media_files.are_frames(names)


@pytest.mark.parametrize(
    "names", [[], ["a.png", "b.png"], ["1.png", "clip.mp4"], ["1.png", "x1.png"], ["1.mp4"]]
)
def test_other_files_are_no_frames(names: list[str]) -> None:
    assert not media_files.are_frames(names)
