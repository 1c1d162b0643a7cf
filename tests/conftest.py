"""What several tests need and is dear to make: videos of faces, a detector, a checkpoint."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

import checkpointing
import models
from checkpointing import Checkpoint
from demo.generate import generate
from faces.detect import FaceDetector
from preprocessing import ClipConfig, FaceConfig
from tests.video_files import read_images

# Laptops and build machines pause; a slow example is not a wrong one.
settings.register_profile("house", deadline=None, max_examples=60)
settings.load_profile("house")

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
    config = models.ModelConfig("resnet18", embed_dim=16)
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
            epoch=1,
            metrics={"val_loss": None},
        ),
    )
    return path
