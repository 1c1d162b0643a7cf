"""Long videos made of a short one, with a small script in place of score.py."""

import json
from pathlib import Path

import pytest

from benchmarks import long_videos
from tests.benchmarks.commands import error_line, parse, run
from tests.helpers.video_files import greys, read_images, write_sound, write_video

RECORDS = """
import json, sys
from pathlib import Path
Path("calls.txt").open("a").write(json.dumps(sys.argv) + "\\n")
"""


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One second of video; the working directory is its folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "score.py").write_text(RECORDS)
    return write_video(tmp_path / "clip.mp4", greys(25))


def test_every_length_gets_a_row_from_a_call_that_score_accepts(
    clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    words = [clip, "--checkpoint", "best.pt", "--minutes", "0.05", "0.1"]
    assert run(monkeypatch, long_videos, *words) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[0] == "minutes"
    assert [row.split()[0] for row in rows] == ["0.05", "0.1"]
    assert all(float(row.split()[-1]) > 1 for row in rows), "a process needs more than 1 MB"
    for line in Path("calls.txt").read_text().splitlines():
        flags = parse(json.loads(line))
        assert flags.checkpoint == Path("best.pt") and flags.paths[0].endswith("long.mp4")


def test_a_clip_is_repeated_until_the_length_is_reached(clip: Path, tmp_path: Path) -> None:
    longer = long_videos.lengthen(clip, tmp_path / "long.mp4", seconds=3)
    frames = read_images(longer)
    assert len(frames) == 75
    assert frames[0].mean() == frames[25].mean() == frames[50].mean() != frames[1].mean()


def test_a_clip_without_pictures_and_a_failed_call_are_one_line(
    clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def line(video: Path) -> str:
        words = [video, "--checkpoint", "best.pt", "--minutes", "0.01"]
        return error_line(monkeypatch, capsys, long_videos, *words)

    sound = write_sound(clip.with_name("sound.mp4"))
    assert "no video stream" in line(sound)
    text = clip.with_name("text.mp4")
    text.write_text("no video")
    assert f"{text} cannot be repeated" in line(text)
    clip.with_name("score.py").write_text("raise SystemExit(2)")
    assert "score.py ended with exit code 2" in line(clip)
