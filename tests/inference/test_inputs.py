"""Which videos are meant: one bad name costs no other."""

import io
import os
import sys
from pathlib import Path

import pytest

from inference.inputs import find_videos, videos_under


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> list[Path]:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    return find_videos(["-"])


def test_a_name_that_is_too_long_is_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "x" * 300 + ".mp4"
    assert pipe(monkeypatch, f"a.mp4\n{long}\n".encode()) == [Path("a.mp4"), Path(long)]


def test_names_may_end_in_nul_or_as_on_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pipe(monkeypatch, b"a\nb.mp4\0c.mp4\0") == [Path("a\nb.mp4"), Path("c.mp4")]
    odd = tmp_path / "odd\r"
    odd.write_bytes(b"")
    data = b"a.mp4\r\nb.mp4\r\n" + os.fsencode(odd) + b"\n"
    assert pipe(monkeypatch, data) == [Path("a.mp4"), Path("b.mp4"), odd]


def test_under_a_folder_are_videos_and_what_cannot_be_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b.MP4", "sub/a.mkv", "sub/notes.txt", "closed/c.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "lost.mp4").symlink_to("nowhere")
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    scandir = os.scandir

    def denied(place: str) -> object:  # root, who runs the tests in places, may look everywhere
        if os.fspath(place).endswith("closed"):
            raise PermissionError(13, "Permission denied", os.fspath(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", denied)
    names = ("b.MP4", "closed", "lost.mp4", "sub/a.mkv")
    assert videos_under(tmp_path) == [tmp_path / name for name in names]


def test_images_in_a_folder_are_judged_and_junk_is_not(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.HEIC", "c.mp4", "._a.jpg", "__MACOSX/a.jpg", "masks/c.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert find_videos([str(tmp_path)]) == [
        tmp_path / name for name in ("a.jpg", "b.HEIC", "c.mp4")
    ]
    named = [str(tmp_path / "._a.jpg"), str(tmp_path / "masks")]
    assert find_videos(named) == [tmp_path / "._a.jpg", tmp_path / "masks/c.mp4"]
