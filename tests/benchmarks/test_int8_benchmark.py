"""What 8-bit integers change, on a split of generated crops."""

from pathlib import Path

import pytest

from benchmarks import int8
from common import checkpointing
from common.preprocessing import ClipConfig
from datasets import manifest
from tests.benchmarks.commands import error_line, run
from tests.helpers.crop_sets import write_crop_set


@pytest.mark.slow
def test_a_split_gets_its_change_and_every_model_its_time(
    tmp_path: Path,
    calibrated: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    path = write_crop_set(tmp_path, {"train": 2, "val": 2, "test": 3}, fakes_each=1, frames=2)
    content = checkpointing.load(calibrated)
    content.faces = manifest.read(path).faces
    content.clip = ClipConfig(clip_frames=2, crop_size=64)
    checkpointing.save(tmp_path / "best.pt", content)
    words = ["--checkpoint", tmp_path / "best.pt", "--csv_file", path, "--repeats", "1"]
    assert run(monkeypatch, int8, *words) == 0
    change, *times = capsys.readouterr().out.splitlines()
    assert change.startswith("test: p_fake of 6 videos changes by 0.0")
    assert [line.split()[0] for line in times] == ["torch", "onnx", "int8"]
    assert all(float(line.split()[1]) > 0 for line in times)


def test_a_split_without_videos_is_one_line(
    tmp_path: Path,
    calibrated: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    path = write_crop_set(tmp_path, {"train": 2, "val": 2}, fakes_each=1, frames=2)
    words = ["--checkpoint", calibrated, "--csv_file", path]
    assert "no video of the test split" in error_line(monkeypatch, capsys, int8, *words)
