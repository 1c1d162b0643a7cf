"""What TensorBoard is given can be read back, and is there once."""

import sys
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

import models
from common.errors import UsageError
from common.preprocessing import ClipConfig
from datasets import manifest
from datasets.video_dataset import VideoDataset
from models import ModelConfig
from tests.helpers.crop_sets import write_crop_set
from training import tensorboard_log
from training.history import EpochRow


def row(epoch: int, loss: float) -> EpochRow:
    return EpochRow(epoch, loss, 0.5, 0.7, 0.5, None, 1e-3, 2.0, 3.0, 0.25)


@pytest.fixture
def dataset(tmp_path: Path) -> VideoDataset:
    data = manifest.read(write_crop_set(tmp_path, {"val": 2}, fakes_each=1, frames=3))
    return VideoDataset(data, "val", ClipConfig(clip_frames=2, crop_size=32), train=False)


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return models.build(ModelConfig(name="resnet18", embed_dim=8))


def read(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder))
    return events.Reload()


def test_every_number_of_an_epoch_is_a_curve_and_clips_are_shown(
    tmp_path: Path, dataset: VideoDataset, model: nn.Module
) -> None:
    events = tensorboard_log.TensorBoardLog(tmp_path / "run", 1)
    for epoch, loss in ((1, 0.6), (2, 0.5)):
        events.add(row(epoch, loss), model, dataset)
    found = read(tmp_path / "run")
    tags = {"train/loss", "train/acc", "val/loss", "val/acc", "lr", "seconds", "gradient"}
    assert set(found.Tags()["scalars"]) == tags | {"clips_per_second"}, "an AUC of none is left out"
    points = [(event.step, event.value) for event in found.Scalars("train/loss")]
    assert points == [(1, pytest.approx(0.6)), (2, pytest.approx(0.5))]
    (picture, _) = found.Images("clips")
    assert picture.width > 4 * picture.height / 2, "clips side by side"


def test_an_epoch_that_is_run_again_counts_once(
    tmp_path: Path, dataset: VideoDataset, model: nn.Module
) -> None:
    for epoch, loss in ((1, 0.6), (2, 0.5), (2, 0.4)):
        tensorboard_log.TensorBoardLog(tmp_path / "run", epoch).add(
            row(epoch, loss), model, dataset
        )
    points = [(event.step, event.value) for event in read(tmp_path / "run").Scalars("train/loss")]
    assert points == [(1, pytest.approx(0.6)), (2, pytest.approx(0.4))]


def test_titles_give_label_and_score(dataset: VideoDataset, model: nn.Module) -> None:
    titles = [axes.get_title() for axes in tensorboard_log.draw_clips(model, dataset).axes]
    assert [title.split(",")[0] for title in titles] == ["REAL"] * 4 + ["FAKE"] * 4
    assert all(0 <= float(title.split()[-1]) <= 1 for title in titles)


def test_without_tensorboard_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UsageError, match="requirements-extras"):
        tensorboard_log.summary_writer()
