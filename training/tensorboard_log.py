"""Writes a run's TensorBoard log (--tensorboard); view it with `tensorboard --logdir checkpoints`.

Shapes: B clips, T frames, C channels, H, W.
"""

import re
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from torch import nn

from common.errors import UsageError
from common.figures import new_figure
from datasets.device_batches import DeviceBatches
from datasets.manifest import CLASSES
from datasets.video_dataset import VideoDataset, collate
from scoring.predict import score_clips
from training.history import EpochRow

CLIPS_PER_LABEL = 4  # validation clips of each label in a picture, at most


def summary_writer() -> type:
    """Return torch's class SummaryWriter. Raise UsageError if TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError(
            "--tensorboard needs TensorBoard: pip install -r requirements-extras.txt"
        ) from error
    return SummaryWriter


class TensorBoardLog:
    """The TensorBoard log of one run."""

    def __init__(self, folder: Path, epoch: int) -> None:
        """Open the log in the run folder. Discard events of `epoch` and later epochs, which an
        interrupted run may have left."""
        self.writer = summary_writer()(str(folder), purge_step=epoch)

    def add(self, row: EpochRow, model: nn.Module, dataset: VideoDataset) -> None:
        """Write the numbers of an epoch, and a picture of a few clips of `dataset`, the validation
        dataset, with their scores."""
        for name, value in row.values().items():
            if name != "epoch" and value is not None:
                tag = re.sub("^(train|val)_", r"\1/", name)  # one group for each split
                self.writer.add_scalar(tag, value, row.epoch)
        self.writer.add_figure("clips", draw_clips(model, dataset), row.epoch)
        self.writer.flush()


def draw_clips(model: nn.Module, dataset: VideoDataset) -> Figure:
    """Return a figure with the first frames of up to CLIPS_PER_LABEL clips of each label, spread
    over the dataset, and their scores. Puts `model` into evaluation mode."""
    labels = np.array(dataset.labels)
    items_of_label = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    chosen = [
        i for items in items_of_label for i in items[:: -(-len(items) // CLIPS_PER_LABEL)].tolist()
    ]
    batch = collate([dataset.pixels[index] for index in chosen])
    device = next(model.parameters()).device
    on_device = DeviceBatches(dataset.config, device)(batch)
    scores = score_clips(model.eval(), on_device["clips"], batch["mask"])
    figure = new_figure(2 * len(chosen), 2.6)
    panels = figure.subplots(1, len(chosen), squeeze=False)[0]
    for axes, clip, label, score in zip(
        panels, batch["clips"], batch["labels"].tolist(), scores, strict=True
    ):
        axes.imshow(clip[0].permute(1, 2, 0).numpy())  # (H, W, C)
        axes.set_title(f"{CLASSES[label]}, score {score:.2f}")
        axes.axis("off")
    return figure
