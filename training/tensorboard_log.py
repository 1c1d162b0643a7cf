"""What TensorBoard shows of a run (--tensorboard): tensorboard --logdir checkpoints

Shapes: B clips, T frames, C channels, H, W.
"""

import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from torch import nn

from common.errors import UsageError
from common.figures import new_figure
from datasets.manifest import CLASSES
from datasets.video_dataset import VideoDataset, collate
from scoring.predict import p_fake
from training.history import EpochRow

SHOWN = 4  # clips of validation, of each label


def require() -> type:
    """torch's SummaryWriter. Raise UsageError without TensorBoard."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError(
            "--tensorboard needs it: pip install -r requirements-extras.txt"
        ) from error
    return SummaryWriter


class Board:
    """The events of one run, in its folder."""

    def __init__(self, folder: Path, epoch: int) -> None:
        """What an interrupted run wrote of `epoch` and later ones is taken back."""
        self.writer = require()(str(folder), purge_step=epoch)

    def add(self, row: EpochRow, model: nn.Module, dataset: VideoDataset) -> None:
        """The numbers of an epoch, and a few clips of validation with their scores."""
        for name, value in asdict(row).items():
            if name != "epoch" and value is not None:
                tag = re.sub("^(train|val)_", r"\1/", name)  # a group each
                self.writer.add_scalar(tag, value, row.epoch)
        self.writer.add_figure("clips", draw_clips(model, dataset), row.epoch)
        self.writer.flush()


def draw_clips(model: nn.Module, dataset: VideoDataset) -> Figure:
    """The first frames of SHOWN clips of each label, spread over the dataset, with p_fake."""
    labels = np.array(dataset.labels)
    found = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    chosen = [i for of in found for i in of[:: -(-len(of) // SHOWN)].tolist()]
    batch = collate([dataset.pixels[index] for index in chosen])
    scores = p_fake(model.eval(), batch["clips"], batch["mask"])
    mean, std = (np.array(values) for values in (dataset.config.mean, dataset.config.std))
    figure = new_figure(2 * len(chosen), 2.6)
    panels = figure.subplots(1, len(chosen), squeeze=False)[0]
    for axes, clip, label, score in zip(
        panels, batch["clips"], batch["labels"].tolist(), scores, strict=True
    ):
        image = clip[0].permute(1, 2, 0).numpy() * std + mean  # (H, W, C)
        axes.imshow(image.clip(0, 1))
        axes.set_title(f"{CLASSES[label]}, p_fake {score:.2f}")
        axes.axis("off")
    return figure
