"""Fixtures that several tests need and that are expensive: videos of faces, checkpoints, a run.

Folders that take seconds to make are made once per test run and shared by its processes.
"""

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock

import models
from common import checkpointing
from common.checkpointing import Checkpoint
from common.preprocessing import ClipConfig, FaceConfig
from demo.generate import generate
from export import onnx_export
from faces.detect import FaceDetector
from scoring.decision_rule import DecisionRule
from tests.helpers.commands import ROOT, run_process
from tests.helpers.crop_sets import write_training_data
from tests.helpers.preprocess_runs import BAD, PART, flags
from tests.helpers.video_files import read_images

FACES = FaceConfig(frames_per_video=6, face_size=64)
CLIP = ClipConfig(clip_frames=4, crop_size=64)

Share = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def share(tmp_path_factory: pytest.TempPathFactory) -> Share:
    """Return a function that makes a folder once for all processes of a test run. Tests only read
    from it."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def shared(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = root / name, root / f"{name}.done"
        with FileLock(root / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return shared


@pytest.fixture(scope="session")
def repository() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def talking_heads(share: Share) -> Path:
    """The demo's folder: two sources in two parts, each with four fakes, and new/."""
    return share("talking_heads", lambda folder: generate(folder, 2, 0, frames=12, workers=1))


@pytest.fixture(scope="session")
def heads(talking_heads: Path) -> list[list[np.ndarray]]:
    """The frames (240, 320, 3) uint8 RGB of two people, twelve each."""
    names = ("new_fake.mp4", "new_real.mp4")
    return [read_images(talking_heads / "new" / name)[:12] for name in names]


@pytest.fixture(scope="session")
def detector() -> FaceDetector:
    return FaceDetector(FACES)


@pytest.fixture(scope="session")
def checkpoint(share: Share) -> Path:
    """A small model with random weights, which is enough to run."""

    def write(folder: Path) -> None:
        torch.manual_seed(0)
        config = models.ModelConfig(name="shufflenet_v2_x0_5", embed_dim=16)
        content = Checkpoint(
            model=config.to_dict(),
            weights=models.build(config).state_dict(),
            faces=FACES,
            clip=CLIP,
            classes=["REAL", "FAKE"],
            trained_on=[],
            data={},
            epoch=1,
            metrics={"val_loss": None},
        )
        checkpointing.save(folder / "best.pt", content)

    return share("checkpoint", write) / "best.pt"


@pytest.fixture(scope="session")
def calibrated(share: Share, checkpoint: Path) -> Path:
    """The same checkpoint with a decision rule, as if it had been trained."""

    def write(folder: Path) -> None:
        content = checkpointing.load(checkpoint)
        rule = DecisionRule(slope=3.0, real_below=0.01, fake_from=0.99, fitted="x")
        content.judgement = rule.to_dict()
        content.trained_on = [2**64 - 1, 7]
        checkpointing.save(folder / "best.pt", content)

    return share("calibrated", write) / "best.pt"


@pytest.fixture(scope="session")
def detector_zip(share: Share, calibrated: Path) -> Path:
    def export(folder: Path) -> None:
        path = folder / "detector.zip"
        onnx_export.export(calibrated, path)

    return share("exported", export) / "detector.zip"


@pytest.fixture(scope="session")
def parts(detector_zip: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(detector_zip) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="session")
def dfdc(share: Share, talking_heads: Path) -> Path:
    """A real and a fake of each of two people, and three listed videos that are not videos."""

    def write(root: Path) -> None:
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

    return share("dfdc", write)


@pytest.fixture(scope="session")
def first_run(share: Share, dfdc: Path) -> Path:
    """The output folder of preprocess_dfdc.py on `dfdc`, with stdout.txt and stderr.txt beside."""

    def extract(folder: Path) -> None:
        done = run_process("preprocess_dfdc.py", *flags(dfdc, folder / "data"))
        assert done.returncode == 0, done.stderr
        (folder / "stdout.txt").write_text(done.stdout)
        (folder / "stderr.txt").write_text(done.stderr)

    return share("first_run", extract) / "data"


@pytest.fixture
def output(first_run: Path, tmp_path: Path) -> Path:
    """A copy of the first run's output folder."""
    return Path(shutil.copytree(first_run, tmp_path / "data"))


@pytest.fixture
def work_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with data/."""
    write_training_data(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
