"""Exported detectors: ONNX Runtime says what torch says, without the code of models/."""

import csv
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import models
from common import checkpointing
from export import detector_file, onnx_export
from export.onnx_model import OnnxModel, load_exported
from models.encoders import Encoder, InputSpec
from models.frame_rnn import FrameModel
from tests.test_score import run

FEATURES = 12  # E
WITHOUT_MODELS = (
    "import sys; sys.path.insert(0, '.'); sys.modules['models'] = None\n"
    "import score; from common import errors; errors.run(score.main)"
)


def small(temporal: str, layers: int = 1) -> FrameModel:
    torch.manual_seed(0)
    config = models.ModelConfig(
        name="small",
        embed_dim=8,
        num_classes=3,
        temporal=temporal,
        temporal_layers=layers,
    )
    encoder = nn.Sequential(nn.Conv2d(3, FEATURES, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return models.assemble(
        Encoder(encoder, FEATURES, InputSpec(8, (0.5,) * 3, (0.5,) * 3), ()), config
    ).eval()


@pytest.mark.parametrize(
    ("temporal", "layers"),
    [
        ("lstm", 1),
        ("lstm", 2),
        ("gru", 2),
        ("transformer", 2),
        ("attention", 1),
        ("mean", 1),
        ("max", 1),
        ("none", 1),
    ],
)
@pytest.mark.slow
def test_every_head_says_what_torch_says_whatever_stands_in_the_padding(
    temporal: str, layers: int
) -> None:
    model = small(temporal, layers)
    graphs = onnx_export.encoder_graph(model, 8), onnx_export.head_graph(model)
    onnx = OnnxModel(*graphs, model.sees_time)
    for lengths in ([1], [9], [2, 2], [5, 1, 3], [4, 6, 6, 2, 1]):
        frames = torch.randn(sum(lengths), 3, 8, 8)
        features = torch.randn(len(lengths), max(lengths), FEATURES)
        mask = torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)
        with torch.inference_mode():
            assert torch.allclose(onnx.encode(frames), model.encode(frames), atol=1e-5)
            expected = model(features, mask)
        features[~mask] = 1e3
        torch.testing.assert_close(onnx(features, mask), expected, atol=1e-5, rtol=1e-5)


def test_the_file_holds_all_that_judging_needs(
    calibrated: Path, detector_zip: Path, parts: dict[str, bytes]
) -> None:
    assert set(parts) == {"encoder.onnx", "head.onnx", "detector.json"}
    about = json.loads(parts["detector.json"])
    assert about["format"] == detector_file.FORMAT
    assert about["checkpoint_sha256"] == hashlib.sha256(calibrated.read_bytes()).hexdigest()
    found, stored = load_exported(detector_zip), checkpointing.load(calibrated)
    assert (found.faces, found.clip) == (stored.faces, stored.clip)
    assert found.rule.to_dict() == stored.judgement
    assert (found.config, found.trained_on) == (stored.model, set(stored.trained_on))


@pytest.mark.slow
def test_both_backends_give_the_same_verdicts_and_onnx_needs_no_model_code(
    talking_heads: Path,
    calibrated: Path,
    detector_zip: Path,
    repository: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clips, pages = talking_heads / "new", tmp_path / "pages"
    plain = ("--checkpoint", calibrated, "--output", tmp_path / "torch")
    assert run(monkeypatch, clips, *plain) == 0
    flags = ("--checkpoint", detector_zip, "--backend", "onnx", "--report", pages)
    words = [clips, *flags, "--output", tmp_path / "onnx"]
    subprocess.run(
        [sys.executable, "-c", WITHOUT_MODELS, *map(str, words)], cwd=repository, check=True
    )
    rows = []
    for name in ("torch", "onnx"):
        with (tmp_path / name / "scores.csv").open(newline="", encoding="utf-8") as file:
            rows.append(list(csv.DictReader(file)))
    for one, other in zip(*rows, strict=True):
        assert (one["video"], one["verdict"]) == (other["video"], other["verdict"])
        assert float(one["p_fake"]) == pytest.approx(float(other["p_fake"]), abs=1e-4)
    for page in pages.iterdir():
        text = page.read_text(encoding="utf-8")
        assert "No heat maps: they need gradients" in text and 'heat map"' not in text


@pytest.mark.slow
def test_an_export_that_is_not_the_same_model_is_not_written(
    calibrated: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    right = onnx_export.Head.forward
    monkeypatch.setattr(
        onnx_export.Head, "forward", lambda self, features, mask: right(self, features, mask) + 1e-3
    )
    assert run(monkeypatch, "--checkpoint", calibrated, "--export", tmp_path / "detector.zip") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("its ONNX outputs differ from torch by 1.0e-03, allowed is 1e-04")
    assert not list(tmp_path.iterdir())
