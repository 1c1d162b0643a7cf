"""What several tests need and is dear to make: videos of faces, a detector, a checkpoint."""

import json
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import settings

import models
from common import checkpointing
from common.checkpointing import Checkpoint
from common.preprocessing import ClipConfig, FaceConfig
from demo.generate import generate
from export import onnx_export
from faces.detect import FaceDetector
from scoring.decision_rule import DecisionRule
from tests.helpers.crop_sets import write_crop_set
from tests.helpers.preprocess_runs import BAD, PART, flags
from tests.helpers.video_files import read_images

# Laptops and build machines pause; a slow example is not a wrong one.
settings.register_profile("house", deadline=None, max_examples=60)
settings.load_profile("house")

# A shell that starts the tests in the background makes them, and all that they start, deaf to it.
signal.signal(signal.SIGINT, signal.default_int_handler)

FACES = FaceConfig(frames_per_video=6, face_size=64)
CLIP = ClipConfig(clip_frames=4, crop_size=64)


@pytest.fixture(scope="session")
def repository() -> Path:
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def talking_heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's folder: two sources in two parts, each with four fakes, and new/."""
    folder = tmp_path_factory.mktemp("talking_heads")
    generate(folder, sources=2, seed=0, frames=12, workers=1)
    return folder


@pytest.fixture(scope="session")
def heads(talking_heads: Path) -> list[list[np.ndarray]]:
    """The frames (240, 320, 3) uint8 RGB of two people, twelve each."""
    names = ("new_fake.mp4", "new_real.mp4")
    return [read_images(talking_heads / "new" / name)[:12] for name in names]


@pytest.fixture(scope="session")
def detector() -> FaceDetector:
    return FaceDetector(FACES)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with random weights, which is enough to run."""
    torch.manual_seed(0)
    config = models.ModelConfig(name="shufflenet_v2_x0_5", embed_dim=16)
    path = tmp_path_factory.mktemp("run") / "best.pt"
    checkpointing.save(
        path,
        Checkpoint(
            model=config.to_dict(),
            weights=models.build(config).state_dict(),
            faces=FACES,
            clip=CLIP,
            classes=["REAL", "FAKE"],
            trained_on=[],
            data={},
            epoch=1,
            metrics={"val_loss": None},
        ),
    )
    return path


@pytest.fixture(scope="session")
def calibrated(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint, as if it had been trained and calibrated."""
    path = tmp_path_factory.mktemp("calibrated") / "best.pt"
    found = checkpointing.load(checkpoint)
    found.judgement = DecisionRule(slope=3.0, real_below=0.01, fake_from=0.99, fitted="x").to_dict()
    found.trained_on = [2**64 - 1, 7]
    checkpointing.save(path, found)
    return path


@pytest.fixture(scope="session")
def detector_zip(calibrated: Path) -> Path:
    path = calibrated.with_name("detector.zip")
    assert onnx_export.export(calibrated, path) <= onnx_export.TOLERANCE
    return path


@pytest.fixture(scope="session")
def parts(detector_zip: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(detector_zip) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="session")
def dfdc(tmp_path_factory: pytest.TempPathFactory, talking_heads: Path) -> Path:
    """A real and a fake of each of two people, and three listed videos that are not videos."""
    root = tmp_path_factory.mktemp("dfdc")
    for number in (0, 1):
        name = f"dfdc_train_part_{number}"
        (root / name).mkdir()
        metadata = json.loads((talking_heads / name / "metadata.json").read_text())
        fakes = [video for video, entry in metadata.items() if entry["label"] == "FAKE"]
        chosen = {fakes[0]: metadata[fakes[0]]}
        chosen[metadata[fakes[0]]["original"]] = {"label": "REAL", "split": "train"}
        for video in chosen:
            shutil.copy(talking_heads / name / video, root / name / video)
        if name == PART:
            chosen |= {video: {"label": "REAL", "split": "train"} for video in BAD}
        (root / name / "metadata.json").write_text(json.dumps(chosen))
    (root / PART / "empty.mp4").touch()
    (root / PART / "text.mp4").write_text("not a video\n" * 50)
    return root


@pytest.fixture(scope="session")
def first_run(
    tmp_path_factory: pytest.TempPathFactory, dfdc: Path, repository: Path
) -> tuple[Path, subprocess.CompletedProcess[str]]:
    output = tmp_path_factory.mktemp("out") / "data"
    done = subprocess.run(
        [sys.executable, "preprocess_dfdc.py", *flags(dfdc, output)],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    return output, done


@pytest.fixture
def output(first_run: tuple[Path, Any], tmp_path: Path) -> Path:
    """A copy of what the first run wrote."""
    assert first_run[1].returncode == 0, first_run[1].stderr
    return Path(shutil.copytree(first_run[0], tmp_path / "data"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with data: 12 clips an epoch, so three steps, and two of validation."""
    write_crop_set(tmp_path / "data", {"train": 6, "val": 2}, fakes_each=2, frames=3)
    monkeypatch.chdir(tmp_path)
    # Steps this small are faster on one thread, and another number gives other last digits.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path
    torch.set_num_threads(threads)
