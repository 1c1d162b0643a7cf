"""Manifest → checkpoints/<run>/: a checkpoint, a row of history.csv and curves every epoch.

python train.py --model_name resnet152 --epochs 50
"""

import argparse
import json
import random
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader

import args
import checkpointing
import datasets
import device
import errors
import history
import models
from checkpointing import Checkpoint
from datasets import manifest, samplers, splits
from datasets.video_dataset import collate
from errors import UsageError
from history import EpochRow
from models.encoders import InputSpec, load_weights, pretrained_weights, read_weights
from preprocessing import ClipConfig
from trainer import Training, fit

THRESHOLD = 0.5


def main() -> int:
    flags = args.train_parser().parse_args()
    seed_everything(flags.seed)
    place = device.choose(flags.device)
    model = build_model(flags).to(place)
    data = manifest.read(manifest.find(flags.csv_file))
    spec = InputSpec()
    clip = ClipConfig(flags.clip_frames, flags.crop_size, spec.mean, spec.std)
    train_loader, val_loader = build_loaders(flags, data, clip, place)
    training = build_training(flags, model, steps=flags.epochs * len(train_loader))
    folder = make_run_folder(flags)
    best = Best()
    rows: list[EpochRow] = []

    def after_epoch(row: EpochRow) -> None:
        rows.append(row)
        history.append(folder, row)
        history.draw_curves(folder, rows)
        checkpoint = Checkpoint(
            model=model_config(flags).to_dict(),
            weights=model.state_dict(),
            faces=data.faces,
            clip=clip,
            classes=list(manifest.CLASSES),
            trained_on=splits.fingerprints(data.split("train")["group"]),
            epoch=row.epoch,
            metrics=asdict(row),
            threshold=THRESHOLD,
        )
        save(folder, checkpoint, training, best.improved_by(row), flags.keep_checkpoints)
        print(row.line(flags.epochs), flush=True)

    fit(
        training, train_loader, val_loader, flags.epochs, THRESHOLD, flags.log_interval, after_epoch
    )
    print(f"best epoch {best.row.epoch} (validation AUC, then loss): {folder / 'best.pt'}")
    return 0


class Best:
    """The best epoch so far: by validation AUC, then by validation loss."""

    row: EpochRow | None = None

    def improved_by(self, row: EpochRow) -> bool:
        def rank(row: EpochRow) -> tuple[float, float]:
            return (row.val_auc or 0.0, -row.val_loss)

        better = self.row is None or rank(row) > rank(self.row)
        if better:
            self.row = row
        return better


def seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def model_config(flags: argparse.Namespace) -> models.ModelConfig:
    return models.ModelConfig(flags.model_name, flags.embed_dim, flags.dropout, flags.num_classes)


def build_model(flags: argparse.Namespace) -> torch.nn.Module:
    """The model with the weights that the flags ask for; raises before any other work."""
    model = models.build(model_config(flags))
    if flags.weights is not None:
        load_weights(model.encoder, read_weights(flags.weights), str(flags.weights))
    elif flags.pretrained:
        load_weights(model.encoder, pretrained_weights(flags.model_name), "the pretrained file")
    return model


def build_loaders(
    flags: argparse.Namespace, data: manifest.Manifest, clip: ClipConfig, place: torch.device
) -> tuple[DataLoader, DataLoader]:
    """Training and validation; neither ever sees the test split."""
    make = datasets.get(flags.dataset)
    train = make(data, "train", clip, train=True, seed=flags.seed)
    val = make(data, "val", clip, train=False)
    fakes = sum(train.labels)
    if fakes in (0, len(train.labels)):
        raise UsageError("the training split holds one label only: there is nothing to learn")
    balance = flags.balance
    if balance == "auto":
        balance = "per_epoch" if samplers.is_unbalanced(train.labels) else "none"
    if balance == "pairs" and flags.batch_size % 2:
        raise UsageError("--balance pairs needs an even --batch_size, to hold whole pairs")
    sampler = samplers.EpochSampler(train.labels, train.sources, balance, flags.seed)
    print(
        f"training: {len(train)} tracks ({fakes} fake), {len(sampler)} an epoch, balance "
        f"{balance} · validation: {len(val.video_labels())} videos, {len(val)} clips"
    )
    shared = {
        "batch_size": flags.batch_size,
        "num_workers": flags.workers,
        "collate_fn": collate,
        "pin_memory": place.type == "cuda",
    }
    return DataLoader(train, sampler=sampler, **shared), DataLoader(val, **shared)


def build_training(flags: argparse.Namespace, model: torch.nn.Module, steps: int) -> Training:
    """AdamW; the learning rate rises to --lr over the first tenth of all steps, then falls to
    zero."""
    # Fused is one pass over the weights instead of ten: on a CPU a good part of a small step.
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=flags.lr, weight_decay=flags.weight_decay, fused=True
    )
    # OneCycleLR divides by its phases' lengths: a run of a few steps needs them longer than zero.
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, flags.lr, total_steps=max(steps, 20), pct_start=0.1, cycle_momentum=False
    )
    return Training(model, optimizer, scheduler)


def make_run_folder(flags: argparse.Namespace) -> Path:
    """checkpoints/<run>/ with args.json. Raise UsageError when it holds a run already."""
    name = flags.run_name or f"{flags.model_name}_{time.strftime('%Y%m%d-%H%M%S')}"
    folder = flags.checkpoints / name
    if (folder / "args.json").exists():
        raise UsageError(f"{folder} holds a run already: choose another --run_name, or delete it")
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(vars(flags), indent=2, default=str)
    (folder / "args.json").write_text(text + "\n", encoding="utf-8")
    return folder


def save(
    folder: Path, checkpoint: Checkpoint, training: Training, is_best: bool, keep: int
) -> None:
    checkpointing.save(folder / f"epoch_{checkpoint.epoch:03d}.pt", checkpoint)
    state = {
        "optimizer": training.optimizer.state_dict(),
        "scheduler": training.scheduler.state_dict(),
        "torch_rng": torch.get_rng_state(),
    }
    checkpointing.save(folder / "last.pt", checkpoint, state)
    if is_best:
        checkpointing.save(folder / "best.pt", checkpoint)
    checkpointing.keep_newest(folder, keep)


if __name__ == "__main__":
    errors.run(main)
