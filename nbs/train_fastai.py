"""Trains the same model on the same clips with fastai's Learner, instead of train.py's loop.

    python -m nbs.train_fastai --csv_file videos_df --model_name resnet18 --epochs 10

Finds a learning rate, trains with the one-cycle policy (Smith & Topin 2018), and writes a
checkpoint of the epoch with the lowest loss of validation clips, in which classes weigh the same.
evaluate.py and score.py read it. Flags are those of train.py, of which fastai's loop uses the ones
about data and model, --epochs, --lr (default: found by tests), --weight_decay, --max_gradient and
--seed.
Needs fastai: pip install -r requirements-fastai.txt
"""

import argparse
import tempfile
from collections.abc import Iterator
from statistics import geometric_mean

import numpy as np
import torch
from torch import nn

import args
from common import checkpointing, devices, errors
from common.errors import UsageError
from common.preprocessing import ClipConfig
from datasets.loaders import ClipLoader
from models.frame_rnn import FrameModel
from scoring import content
from training import build, run_data, run_folder
from training.options import DataOptions, ManifestOptions, ModelOptions
from training.seeding import seed_everything

# Tests of the learning rate, of which the geometric mean counts: with few clips, they differ up to
# 900-fold, and with the lowest or the median little was learned on one of two seeds.
FINDS = 5


class Tuples:
    """The batches of one of our loaders, as fastai iterates over them: clips (B, T, C, H, W),
    mask (B, T) and labels (B,)."""

    def __init__(self, loader: ClipLoader) -> None:
        self.loader, self.epoch = loader, 0

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        epoch, self.epoch = self.epoch, self.epoch + 1  # which draws other clips
        for batch in self.loader.epoch(epoch):
            yield batch["clips"], batch["mask"], batch["labels"]


def main() -> int:
    parser = args.train_parser()
    parser.set_defaults(lr=None)
    flags = parser.parse_args()
    device = devices.choose(flags.device)
    manifests = args.build_options(ManifestOptions, flags)
    data = run_data.read(manifests, flags.task, flags.num_classes)
    flags.num_classes, task = data.num_classes, data.task
    data_options = args.build_options(DataOptions, flags)
    build.check_data(data_options, data.manifest, flags.monitor)
    folder = run_folder.new_path(flags.checkpoints, flags.run_name, flags.model_name)
    run_folder.check_is_free(folder)
    seed_everything(flags.seed)
    model_options = args.build_options(ModelOptions, flags)
    model, spec = build.build_model(model_options)
    clip = ClipConfig(flags.clip_frames, flags.crop_size or spec.size, spec.mean, spec.std)
    loaders = build.build_loaders(data_options, data.manifest, clip, device, shares=data.shares)
    lr, epoch = learn(model.to(device), loaders, flags)
    scores = task.predict(model, loaders[1].epoch(0))
    row, _ = task.measure(scores, loaders[1].dataset)
    print(f"learning rate {lr:.2g} · " + " ".join(f"{k} {v:.3f}" for k, v in row.items() if v))
    make = data.checkpoint_maker(model_options.config, clip)
    rule = task.fit_rule(scores)
    weights = {name: value.cpu() for name, value in model.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "best.pt"
    checkpointing.save(path, make(weights=weights, epoch=epoch, metrics=row, judgement=rule))
    print(f"written: {path}")
    return 0


def learn(
    model: FrameModel, loaders: tuple[ClipLoader, ClipLoader], flags: argparse.Namespace
) -> tuple[float, int]:
    """Train the model with fastai, and return the learning rate and the best epoch. Raise
    UsageError if fastai is not installed."""
    try:
        from fastai.callback import schedule  # noqa: F401  adds lr_find and fit_one_cycle
        from fastai.callback.tracker import SaveModelCallback
        from fastai.callback.training import GradientClip
        from fastai.data.core import DataLoaders
        from fastai.learner import Learner
        from fastai.metrics import AccumMetric
    except ImportError as error:
        raise UsageError("this needs fastai: pip install -r requirements-fastai.txt") from error
    batches = DataLoaders(*map(Tuples, loaders), device=model.device)
    loss, measure = nn.CrossEntropyLoss(), AccumMetric(balanced_loss, flatten=False)
    clips = [GradientClip(flags.max_gradient)] if flags.max_gradient else []
    with tempfile.TemporaryDirectory() as path:  # the finder stores the weights, to restore them
        learner = Learner(batches, model, loss, metrics=measure, wd=flags.weight_decay, path=path)
        with learner.no_bar():
            lr = flags.lr
            if lr is None:
                with learner.no_logging():
                    found = [float(learner.lr_find(show_plot=False).valley) for _ in range(FINDS)]
                lr = geometric_mean(found)
            best = SaveModelCallback(monitor=balanced_loss.__name__, comp=np.less)  # loads it
            learner.fit_one_cycle(flags.epochs, lr, cbs=[best, *clips])
            losses = [values[best.idx] for values in learner.recorder.values]
    return lr, losses.index(min(losses)) + 1


def balanced_loss(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the log loss of logits (N, C) for labels (N,), in which classes weigh the same."""
    return content.balanced_log_loss(labels.numpy(), logits.softmax(dim=1).numpy())


if __name__ == "__main__":
    errors.run(main)
