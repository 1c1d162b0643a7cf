"""The pointing game: heat maps against the regions that were changed."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from benchmarks import pointing
from common import checkpointing
from scoring.decision_rule import DecisionRule
from tests.benchmarks.commands import error_line, run
from tests.helpers.crop_sets import write_crop_set

FRAMES = 3
BOX = [100.0, 80.0, 140.0, 120.0]  # left, top, right, bottom


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder like the demo's: one real, two fakes that are changed everywhere."""
    write_crop_set(tmp_path, {"test": 1}, fakes_each=2, frames=FRAMES)
    masks = tmp_path / "dfdc/masks"
    masks.mkdir(parents=True)
    for track in tmp_path.glob("crops/part/*/track_0"):
        record = {"tracks": [{"crops": "track_0", "boxes": [BOX] * FRAMES}]}
        (track.parent / "video.json").write_text(json.dumps(record))
        mask = np.full((240, 320), 255, np.uint8)
        cv2.imwrite(str(masks / f"{track.parent.stem}.png"), mask)
    return tmp_path


def with_rule(checkpoint: Path, path: Path, verdict: str) -> Path:
    """Return a copy of a checkpoint that gives every video the `verdict`, real or fake."""
    shutil.copy(checkpoint, path)
    threshold, offset = (0.0, 100.0) if verdict == "fake" else (1.5, -100.0)
    rule = DecisionRule("max_face", 1.0, offset, threshold, threshold, fitted="x")
    checkpointing.store_decision_rule(path, rule.to_dict())
    return path


def rows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, checkpoint: Path, data: Path
) -> list[list[str]]:
    words = ["--checkpoint", checkpoint, "--data", data, "--device", "cpu"]
    assert run(monkeypatch, pointing, *words) == 0
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_every_method_gets_the_share_of_hits_among_fakes_that_were_found(
    data: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    path = with_rule(checkpoint, data / "all_fake.pt", "fake")
    hit = ["100.0%"] * 3
    assert rows(monkeypatch, capsys, path, data) == [
        ["method", "fakes", "found", "detector", "untrained", "middle"],
        ["method1", "1", "1", *hit],
        ["method2", "1", "1", *hit],
        ["all", "2", "2", *hit],
    ]


def test_fakes_with_the_verdict_real_are_counted_and_not_played(
    data: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    path = with_rule(checkpoint, data / "all_real.pt", "real")
    *_, total = rows(monkeypatch, capsys, path, data)
    assert total == ["all", "2", "0", "nan%", "nan%", "nan%"]


def test_a_point_of_a_crop_is_found_in_the_frame() -> None:
    boxes = np.array([[10.0, 20, 30, 40], [50.0, 20, 70, 40]])
    heat = torch.zeros(2, 10, 10)
    heat[1, 0, 9] = 1  # right top of the second crop, which is cut without a margin
    mask = np.zeros((60, 80), bool)
    mask[20:22, 28:30] = True
    assert not pointing.hit(heat, boxes, 0.0, mask), "the same place of another frame's crop"
    mask[20:22, 68:70] = True
    assert pointing.hit(heat, boxes, 0.0, mask)
    assert not pointing.hit(heat, boxes - 75, 0.0, mask), "out of the frame"


def test_data_without_masks_or_boxes_is_one_line(
    data: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    words = ["--checkpoint", checkpoint, "--data", data, "--device", "cpu"]
    for record in data.glob("crops/part/*_fake1.mp4/video.json"):
        record.unlink()
    assert "no record of the boxes of" in error_line(monkeypatch, capsys, pointing, *words)
    shutil.rmtree(data / "dfdc")
    assert "no mask at" in error_line(monkeypatch, capsys, pointing, *words)
