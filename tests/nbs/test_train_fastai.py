"""fastai's loop trains our model on our clips, and its checkpoint is ours."""

from pathlib import Path

import pytest
import torch

from nbs import train_fastai
from scoring.load import load_detector
from tests.helpers import evaluate_runs
from tests.helpers.commands import run_here
from tests.helpers.crop_sets import write_training_data

FLAGS = (
    *("--model_name", "resnet18", "--pretrained", "False", "--embed_dim", "8", "--workers", "0"),
    *("--crop_size", "32", "--clip_frames", "2", "--batch_size", "4", "--device", "cpu"),
)


@pytest.fixture
def cut(tmp_path: Path) -> Path:
    """A manifest of crops."""
    write_training_data(tmp_path)
    return tmp_path / "data/videos_df.csv"


def run(monkeypatch: pytest.MonkeyPatch, cut: Path, *words: str | Path) -> int:
    return run_here(monkeypatch, train_fastai.main, "--csv_file", cut, *FLAGS, *words)


@pytest.mark.slow
def test_its_checkpoint_can_be_evaluated(
    cut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ["--epochs", "1", "--lr", "0.001", "--checkpoints", tmp_path, "--run_name", "fast"]
    assert run(monkeypatch, cut, *flags) == 0
    path = tmp_path / "fast/best.pt"
    detector = load_detector(path, torch.device("cpu"))
    assert detector.trained_on, "evaluate.py refuses its training sources"
    words = ["--checkpoint", path, "--csv_file", cut, "--split", "val", "--output", tmp_path / "e"]
    assert evaluate_runs.run(monkeypatch, *words) == 0


def test_a_class_counts_the_same_however_many_clips_it_has() -> None:
    logits, labels = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    often = torch.tensor([0, 0, 0, 1])
    alike = train_fastai.balanced_loss(logits, labels)
    assert train_fastai.balanced_loss(logits[often], labels[often]) == pytest.approx(alike)
    assert alike == pytest.approx(float(torch.nn.functional.cross_entropy(logits, labels)))


def test_an_existing_run_is_not_overwritten(
    cut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fast").mkdir()
    (tmp_path / "fast/best.pt").touch()
    assert run(monkeypatch, cut, "--checkpoints", tmp_path, "--run_name", "fast") == 2
