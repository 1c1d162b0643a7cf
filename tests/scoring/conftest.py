"""A detector as its checkpoint and as one exported file."""

import zipfile
from pathlib import Path

import pytest

import checkpointing
from scoring import onnx_export
from scoring.judgement import Judgement


@pytest.fixture(scope="session")
def calibrated(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint, as if it had been trained and calibrated."""
    path = tmp_path_factory.mktemp("calibrated") / "best.pt"
    found = checkpointing.load(checkpoint)
    found.judgement = Judgement(slope=3.0, real_below=0.01, fake_from=0.99, fitted="x").to_dict()
    found.trained_on = [2**64 - 1, 7]
    checkpointing.save(path, found)
    return path


@pytest.fixture(scope="session")
def detector_zip(calibrated: Path) -> Path:
    path = calibrated.with_name("detector.zip")
    assert onnx_export.export(calibrated, path) <= onnx_export.LIMIT
    return path


@pytest.fixture(scope="session")
def parts(detector_zip: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(detector_zip) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
