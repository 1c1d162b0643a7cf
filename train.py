"""Manifest → checkpoints/<run>/: a checkpoint, a row of history.csv and curves every epoch.

python train.py --model_name resnet152 --epochs 50
"""

import args

if __name__ == "__main__":
    args.train_parser().parse_args()  # --help and wrong flags are answered before slow imports


import argparse
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from torch.utils.data import DataLoader

import datasets
import device
import errors
import models
import optimization
import rehearsal
import runs
from checkpointing import Checkpoint
from datasets import manifest, samplers, splits
from datasets.video_dataset import collate
from errors import PipelineError, UsageError
from history import EpochRow
from interrupts import ignore_signals, stop_request
from models import encoders, weights
from models.encoders import InputSpec
from optimization import Loss, Schedule
from preprocessing import ClipConfig
from trainer import Hooks, Plan, Position, Stopped, Training, fit

THRESHOLD = 0.5


def main() -> int:
    flags, saved = read_flags(sys.argv[1:])
    seed_everything(flags.seed)
    place = device.choose(flags.device)
    model, spec = build_model(flags, resume=saved is not None)
    model.to(place)
    data = manifest.read(manifest.find(flags.csv_file))
    fingerprint = manifest.fingerprint(data)
    if saved and not flags.force:
        saved.check(args.changes(flags, saved.flags), fingerprint)
    clip = ClipConfig(flags.clip_frames, flags.crop_size or spec.size, spec.mean, spec.std)
    train_loader, val_loader = build_loaders(flags, data, clip, place)
    training = build_training(flags, model, train_loader)
    plan = make_plan(flags, training.loss, train_loader.sampler, place)
    if flags.dry_run:
        with memory_advice(flags):
            for line in rehearsal.rehearse(training, train_loader, val_loader, plan):
                print(line, flush=True)
        return 0
    trained_on = set(splits.fingerprints(data.split("train")["group"]))
    if saved:  # with another split, perhaps
        trained_on |= set(saved.checkpoint.trained_on)
    checkpoint = partial(
        Checkpoint,
        model=model_config(flags).to_dict(),
        faces=data.faces,
        clip=clip,
        classes=list(manifest.CLASSES),
        trained_on=sorted(trained_on),
        data=fingerprint,
        threshold=THRESHOLD,
    )
    folder = saved.folder if saved else runs.make_folder(flags)
    runs.write_flags(folder, flags)
    run = runs.Run(
        folder,
        training,
        checkpoint,
        keep=flags.keep_checkpoints,
        monitor=flags.monitor,
        patience=flags.patience,
    )
    position = run.restore(saved) if saved else Position()
    if saved:
        print(f"resuming {folder} in epoch {position.epoch}, after step {position.step}")
    else:
        run.save(position)
    del saved  # a second copy of all weights
    return train(flags, run, train_loader, val_loader, plan, position)


def read_flags(words: list[str]) -> tuple[argparse.Namespace, runs.Saved | None]:
    """The flags of this call, and the run that it goes on with."""
    flags = args.train_flags(words)
    if flags.resume is None:
        return flags, None
    if flags.config is not None:
        raise UsageError("--resume takes the run's own flags: leave out --config")
    saved = runs.find(flags.resume, flags.checkpoints)
    return args.repeat(saved.flags, words), saved


def train(
    flags: argparse.Namespace,
    run: runs.Run,
    train_loader: DataLoader,
    val_loader: DataLoader,
    plan: Plan,
    position: Position,
) -> int:
    """Fit from `position` on; return the exit code."""

    def after_epoch(row: EpochRow, position: Position) -> bool:
        run.finish_epoch(row, position)
        print(row.line(flags.epochs), flush=True)
        return run.goes_on

    with stop_request() as stop, memory_advice(flags):
        try:
            if run.goes_on:
                hooks = Hooks(run.save, after_epoch, stop)
                fit(run.training, train_loader, val_loader, plan, hooks, position)
        except Stopped:
            print(f"stopped; this goes on where it was: python train.py --resume {run.folder}")
            return stop.exit_code
    if not run.goes_on:
        print(f"ended early: {flags.patience} epochs brought no better {flags.monitor}")
    print(f"best epoch {run.best.epoch} (by {flags.monitor}): {run.folder / 'best.pt'}")
    return 0


def make_plan(
    flags: argparse.Namespace, loss: Loss, sampler: samplers.EpochSampler, place: torch.device
) -> Plan:
    return Plan(
        epochs=flags.epochs,
        threshold=THRESHOLD,
        log_interval=flags.log_interval,
        save_every_steps=flags.save_every_steps,
        chance_loss=chance_loss(loss, sampler, flags.num_classes),
        max_gradient=flags.max_gradient,
        accumulate=flags.accumulate,
        precision=device.precision(flags.precision, place),
    )


@contextmanager
def memory_advice(flags: argparse.Namespace) -> Iterator[None]:
    """Answer a step that does not fit with ways out, in the order of what they cost."""
    try:
        yield
    except RuntimeError as error:
        if "out of memory" not in str(error) and "allocate memory" not in str(error):
            raise
        ways = []
        if flags.accumulate < flags.batch_size:
            ways.append(f"--accumulate {min(2 * flags.accumulate, flags.batch_size)}")
        if flags.precision != "bfloat16":
            ways.append("--precision bfloat16")
        if not flags.grad_checkpoint:
            ways.append("--grad_checkpoint True")
        ways.append("a smaller --crop_size, --clip_frames or --model_name")
        raise PipelineError(
            f"out of memory in a step of {flags.batch_size} clips of {flags.clip_frames} frames, "
            f"in {flags.accumulate} parts. Add one or more of: {'; '.join(ways)}. A run that was "
            "begun goes on with them: --resume last --force"
        ) from error


def chance_loss(loss: Loss, sampler: samplers.EpochSampler, classes: int) -> float:
    """What guessing costs on average over an epoch's clips."""
    labels = torch.tensor(sampler.drawn_labels())
    return loss(torch.zeros(len(labels), classes), labels).mean().item()


def seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def model_config(flags: argparse.Namespace) -> models.ModelConfig:
    return models.ModelConfig(
        flags.model_name,
        flags.embed_dim,
        flags.dropout,
        flags.num_classes,
        flags.temporal,
        flags.temporal_layers,
        flags.bidirectional,
    )


def build_model(
    flags: argparse.Namespace, resume: bool = False
) -> tuple[torch.nn.Module, InputSpec]:
    """The model with the weights that the flags ask for, unless those of an interrupted run will
    take their place, and what its encoder expects; raises before any other work."""
    encoder = encoders.build(flags.model_name)
    encoders.check_size(encoder, flags.model_name, flags.crop_size or encoder.spec.size)
    model = models.assemble(encoder, model_config(flags))
    if flags.grad_checkpoint:
        encoders.recompute_blocks(encoder.module)
    if flags.weights is not None and not resume:
        weights.load_encoder(encoder, weights.read(flags.weights), str(flags.weights))
    elif flags.pretrained and not resume:
        weights.load_encoder(encoder, weights.pretrained(flags.model_name), "the pretrained file")
    return model, encoder.spec


def build_training(
    flags: argparse.Namespace, model: torch.nn.Module, train_loader: DataLoader
) -> Training:
    encoder = list(model.encoder.parameters())
    inside = set(map(id, encoder))
    head = [parameter for parameter in model.parameters() if id(parameter) not in inside]
    groups = [(head, flags.lr), (encoder, flags.encoder_lr or flags.lr)]
    optimizer = optimization.make_optimizer(flags.optimizer, groups, flags.weight_decay)
    schedule = Schedule(optimizer, flags.schedule, steps=flags.epochs * len(train_loader))
    balance = None
    if flags.class_weights == "balanced":
        labels = train_loader.sampler.drawn_labels()
        balance = optimization.balanced_weights(labels, flags.num_classes)
    loss = optimization.make_loss(flags.label_smoothing, balance, flags.focal_gamma)
    average = optimization.make_average(model, flags.ema) if flags.ema else None
    return Training(model, optimizer, schedule, loss, average)


def build_loaders(
    flags: argparse.Namespace, data: manifest.Manifest, clip: ClipConfig, place: torch.device
) -> tuple[DataLoader, DataLoader]:
    """Training and validation; neither ever sees the test split."""
    make = datasets.get(flags.dataset)
    train = make(
        data,
        "train",
        clip,
        train=True,
        seed=flags.seed,
        augmentation=flags.augmentation,
        sbi=flags.sbi,
    )
    val = make(data, "val", clip, train=False)
    fakes = sum(train.labels)
    if fakes in (0, len(train.labels)):
        raise UsageError("the training split holds one label only: there is nothing to learn")
    if flags.monitor == "val_auc" and len(set(val.labels)) < 2:
        raise UsageError("--monitor val_auc: the validation split holds one label only")
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
        "persistent_workers": flags.workers > 0,  # not started anew for every epoch
        "collate_fn": collate,
        "pin_memory": place.type == "cuda",
        "worker_init_fn": ignore_signals,
        # Of its own: a loader draws a number for every epoch, and torch's own generator must draw
        # the same ones in a run that was resumed.
        "generator": torch.Generator(),
    }
    return DataLoader(train, sampler=sampler, **shared), DataLoader(val, **shared)


if __name__ == "__main__":
    errors.run(main)
