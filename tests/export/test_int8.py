"""Encoders in 8-bit integers: about the same scores, refused where they are not."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from common import checkpointing
from common.preprocessing import ClipConfig
from datasets import manifest
from export import int8
from export.int8 import Comparison
from export.onnx_model import load_exported
from tests.helpers.crop_sets import write_crop_set
from tests.test_score import run


@pytest.fixture
def trained(tmp_path: Path, calibrated: Path) -> Path:
    """A checkpoint for the crops of a manifest beside it."""
    data = manifest.read(write_crop_set(tmp_path, {"train": 4, "val": 3}, fakes_each=1, frames=3))
    content = checkpointing.load(calibrated)
    content.faces, content.clip = data.faces, ClipConfig(clip_frames=2, crop_size=64)
    checkpointing.save(tmp_path / "best.pt", content)
    return tmp_path / "best.pt"


@pytest.mark.slow
def test_an_export_in_integers_scores_almost_the_same(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = trained.parent
    for name, words in (("float", []), ("int8", ["--int8", folder / "videos_df.csv"])):
        assert (
            run(monkeypatch, "--checkpoint", trained, "--export", folder / f"{name}.zip", *words)
            == 0
        )
    line = capsys.readouterr().out.splitlines()[-1]
    assert re.search(r"int8.zip: in 8-bit integers, p_fake of 6 videos changes by 0\.0\d+ on", line)
    assert "; AUC " in line
    exact, coarse = (load_exported(folder / f"{name}.zip").model for name in ("float", "int8"))
    assert (exact.encoder_dtype, coarse.encoder_dtype) == (torch.float32, torch.int8)
    frames = torch.randn(3, 3, 64, 64)
    assert not torch.equal(exact.encode(frames), coarse.encode(frames))
    sizes = [os.path.getsize(folder / f"{name}.zip") for name in ("float", "int8")]
    assert sizes[1] < 0.7 * sizes[0]


@pytest.mark.slow
def test_too_large_a_change_is_one_line_and_nothing_is_written(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(int8, "ALLOWED", 0.0)
    flags = ["--export", trained.parent / "a.zip", "--int8", trained.parent / "videos_df.csv"]
    assert run(monkeypatch, "--checkpoint", trained, *flags) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "was not exported: in 8-bit integers, p_fake of 6 videos changes by" in line
    assert "leave out --int8" in line
    assert not (trained.parent / "a.zip").exists()


@pytest.mark.slow
def test_crops_of_other_settings_are_refused(
    trained: Path,
    calibrated: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = ["--export", trained.parent / "a.zip", "--int8", trained.parent / "videos_df.csv"]
    assert run(monkeypatch, "--checkpoint", calibrated, *flags) == 2
    assert "other settings than those of training" in capsys.readouterr().err


def test_int8_without_export_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "a.mp4", "--checkpoint", "best.pt", "--int8", "videos_df") == 2
    assert "--int8 needs --export" in capsys.readouterr().err


def test_a_comparison_says_what_changed() -> None:
    before, after = np.array([0.1, 0.6, 0.4, 0.9]), np.array([0.1, 0.3, 0.5, 0.9])
    found = Comparison(np.array([0, 1, 0, 1]), before, after)
    assert (found.mean_change, found.largest_change) == (pytest.approx(0.1), pytest.approx(0.3))
    assert str(found) == (
        "p_fake of 4 videos changes by 0.1000 on average, 0.3000 at most; "
        "AUC 1.0000 before, 0.7500 after"
    )
    assert "AUC" not in str(Comparison(np.array([1, 1, 1, 1]), before, after))
