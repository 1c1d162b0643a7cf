"""A checkpoint appears whole or not at all, and never runs code."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from common import checkpointing
from common.checkpointing import Checkpoint
from common.errors import CheckpointError
from common.preprocessing import ClipConfig, FaceConfig

ROOT = Path(__file__).resolve().parents[2]


def small(epoch: int) -> Checkpoint:
    return Checkpoint(
        model={"name": "resnet18"},
        weights={"w": torch.full((3,), float(epoch))},
        faces=FaceConfig(),
        clip=ClipConfig(),
        classes=["REAL", "FAKE"],
        trained_on=[7],
        data={},
        epoch=epoch,
        metrics={"val_auc": None},
    )


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    checkpointing.save(tmp_path / "a.pt", small(3), {"optimizer": {"lr": 0.1}})
    loaded = checkpointing.load(tmp_path / "a.pt")
    assert torch.equal(loaded.weights["w"], torch.full((3,), 3.0))
    assert (loaded.faces, loaded.clip, loaded.epoch) == (FaceConfig(), ClipConfig(), 3)


@pytest.mark.slow
def test_a_kill_during_a_write_leaves_the_old_checkpoint_intact(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    checkpointing.save(path, small(1))
    # The child kills itself when half of the new file's bytes are written.
    child = f"""
import os, signal, torch
from common import checkpointing
from tests.common.test_checkpointing import small
from pathlib import Path

def half(values, file):
    file.write(b"half of a checkpoint")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)

torch.save = half
checkpointing.save(Path({str(path)!r}), small(2))
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", child], env=environment, check=False)
    assert result.returncode == -signal.SIGKILL
    assert (tmp_path / ".partial-last.pt").read_bytes() == b"half of a checkpoint"
    assert checkpointing.load(path).epoch == 1
    checkpointing.save(path, small(3))
    assert checkpointing.load(path).epoch == 3


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 neither"])
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"a\.pt"):
        checkpointing.load(path)


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    checkpointing.save(path, small(1))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CheckpointError):
        checkpointing.load(path)


def test_foreign_and_future_files_are_refused(tmp_path: Path) -> None:
    torch.save({"weights": {}}, tmp_path / "foreign.pt")
    with pytest.raises(CheckpointError, match="not a checkpoint of this project"):
        checkpointing.load(tmp_path / "foreign.pt")
    torch.save({"format": 99}, tmp_path / "future.pt")
    with pytest.raises(CheckpointError, match="format 99"):
        checkpointing.load(tmp_path / "future.pt")
    torch.save({"format": checkpointing.FORMAT, "weights": {}}, tmp_path / "part.pt")
    with pytest.raises(CheckpointError, match=r"not a complete checkpoint: .*model.* is missing"):
        checkpointing.load(tmp_path / "part.pt")


def test_newest_checkpoints_are_kept(tmp_path: Path) -> None:
    for epoch in range(1, 6):
        (tmp_path / f"epoch_{epoch:03d}.pt").touch()
    checkpointing.delete_old_epochs(tmp_path, 0)
    assert len(list(tmp_path.iterdir())) == 5
    checkpointing.delete_old_epochs(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch_004.pt", "epoch_005.pt"]


def test_the_newest_checkpoints_are_kept_beyond_epoch_999(tmp_path: Path) -> None:
    for epoch in (998, 999, 1000):
        (tmp_path / f"epoch_{epoch:03d}.pt").touch()
    checkpointing.delete_old_epochs(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch_1000.pt", "epoch_999.pt"]
