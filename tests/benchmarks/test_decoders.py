"""The table of decoders."""

from pathlib import Path

import pytest

from benchmarks import decoders
from tests.benchmarks.commands import error_line, run
from tests.helpers.video_files import greys, write_video


def test_every_video_gets_a_row_with_the_seconds_of_each_decoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "below").mkdir()
    for name in ("a.mp4", "below/b.mp4"):
        write_video(tmp_path / name, greys(4))
    assert run(monkeypatch, decoders, tmp_path, "--frames", "2", "--repeats", "1") == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["seconds", *decoders.READERS]
    assert [row.split()[0] for row in rows] == ["a.mp4", "b.mp4", "total"]
    assert all(float(value) >= 0 for row in rows for value in row.split()[1:])


def test_a_folder_without_videos_and_a_damaged_video_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert "no .mp4 file in" in error_line(monkeypatch, capsys, decoders, tmp_path)
    video = tmp_path / "empty.mp4"
    video.touch()
    assert f"{video}: the file is empty" in error_line(monkeypatch, capsys, decoders, tmp_path)
