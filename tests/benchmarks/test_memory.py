"""Readings of memory while faces are extracted."""

from pathlib import Path

import pytest

from benchmarks import memory
from tests.benchmarks.commands import error_line, run
from tests.helpers.video_files import greys, write_video


def test_memory_is_read_ten_times_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    write_video(tmp_path / "a.mp4", greys(2))
    assert run(monkeypatch, memory, tmp_path, "--videos", "20") == 0
    *rows, change = capsys.readouterr().out.splitlines()
    assert [int(row.split()[0]) for row in rows] == list(range(2, 21, 2))
    assert all(row.endswith(" MB") for row in rows)
    assert change.startswith("change from the first to the last reading: ")


def test_a_folder_without_videos_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert f"no .mp4 file in {tmp_path}" in error_line(monkeypatch, capsys, memory, tmp_path)
