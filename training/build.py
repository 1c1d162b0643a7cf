"""Flags of train.py → what trains: model, loaders, optimizer, plan."""

import argparse

import torch
from torch.utils.data import DataLoader

import datasets
import models
from common import devices, distributed
from common.errors import UsageError
from common.preprocessing import ClipConfig
from common.signals import ignore_signals
from datasets import feature_store, manifest, samplers
from datasets.feature_store import FeatureDataset, FeatureStore
from datasets.video_dataset import VideoDataset, collate
from models import encoders, weights
from models.encoders import InputSpec
from training import adversarial, frozen_features, optimization
from training.mixup import MIXES
from training.optimization import Loss, Schedule
from training.state import Plan, Training

THRESHOLD = 0.5


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
    if flags.freeze == "all":
        _check_features(flags)
    encoder = encoders.build(flags.model_name)
    encoders.check_size(encoder, flags.model_name, flags.crop_size or encoder.spec.size)
    model = models.assemble(encoder, model_config(flags))
    if flags.grad_checkpoint:
        encoders.recompute_blocks(encoder.module)
    if flags.compile:
        encoder.module.compile()  # the head's shapes follow from the data
    if flags.freeze != "none":
        every = len(encoders.stages(encoder.module))
        model.freeze(every if flags.freeze == "all" else flags.freeze)
    if flags.weights is not None and not resume:
        weights.load_encoder(encoder, weights.read(flags.weights), str(flags.weights))
    elif flags.pretrained and not resume:
        weights.load_encoder(encoder, weights.pretrained(flags.model_name), "the pretrained file")
    return model, encoder.spec


def _check_features(flags: argparse.Namespace) -> None:
    """Raise UsageError for flags that --freeze all could not follow."""
    asked = {
        "sbi": flags.sbi > 0,
        "adversarial": flags.adversarial != "none",
        "mix": flags.mix != "none",
        "grad_checkpoint": flags.grad_checkpoint,
        "encoder_lr": flags.encoder_lr is not None,
    }
    idle = [f"--{name}" for name, given in asked.items() if given]
    if idle:
        raise UsageError(
            f"--freeze all trains the head alone, from features: leave out {', '.join(idle)}"
        )


def build_training(
    flags: argparse.Namespace, model: torch.nn.Module, train_loader: DataLoader
) -> Training:
    encoder = list(model.encoder.parameters())
    inside = set(map(id, encoder))
    head = [parameter for parameter in model.parameters() if id(parameter) not in inside]
    learning = [parameter for parameter in encoder if parameter.requires_grad]
    groups = [(head, flags.lr), (learning, flags.encoder_lr or flags.lr)]
    optimizer = optimization.make_optimizer(flags.optimizer, groups, flags.weight_decay)
    schedule = Schedule(optimizer, flags.schedule, steps=flags.epochs * len(train_loader))
    balance = None
    if flags.class_weights == "balanced":
        labels = train_loader.batch_sampler.items.drawn_labels()
        balance = optimization.balanced_weights(labels, flags.num_classes)
    loss = optimization.make_loss(flags.label_smoothing, balance, flags.focal_gamma)
    average = optimization.make_average(model, flags.ema) if flags.ema else None
    return Training(model, distributed.spread(model), optimizer, schedule, loss, average)


def build_features(
    flags: argparse.Namespace, model: torch.nn.Module, data: manifest.Manifest, clip: ClipConfig
) -> FeatureStore:
    """What the frozen encoder of `model` makes of all crops, computed where it was not yet."""
    key = feature_store.key(flags.model_name, model.encoder.state_dict(), clip, data)
    store = FeatureStore(data, key)
    missing = sum(len(store.rows(part)) for part in store.missing())
    print(
        f"features of {len(store.tracks)} tracks, {missing} of them to compute, in {store.folder}, "
        "with the evaluation transform: --augmentation does not reach them"
    )
    frozen_features.compute(model.encoder, store, clip, flags.workers)
    return store


def build_loaders(
    flags: argparse.Namespace,
    data: manifest.Manifest,
    clip: ClipConfig,
    place: torch.device,
    store: FeatureStore | None = None,
) -> tuple[DataLoader, DataLoader]:
    """Training and validation, of pixels or of what `store` holds; neither ever sees the test
    split."""
    train, val = _datasets(flags, data, clip, store)
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
        "num_workers": flags.workers,
        "persistent_workers": flags.workers > 0,  # not started anew for every epoch
        "collate_fn": collate,
        "pin_memory": place.type == "cuda",
        "worker_init_fn": ignore_signals,
        # Of its own: a loader draws a number for every epoch, and torch's own generator must draw
        # the same ones in a run that was resumed.
        "generator": torch.Generator(),
    }
    rank, processes = distributed.rank(), distributed.world_size()
    if min(flags.batch_size, len(sampler)) < processes:
        raise UsageError(
            f"{processes} processes need a clip each: --batch_size is {flags.batch_size}, an epoch "
            f"has {len(sampler)}"
        )
    batches = samplers.Batches(sampler, flags.batch_size, rank, processes)
    part = -(-flags.batch_size // (flags.accumulate * processes))  # known to fit into memory
    return (
        DataLoader(train, batch_sampler=batches, **shared),
        DataLoader(val, part, sampler=samplers.share(len(val), rank, processes), **shared),
    )


def _datasets(
    flags: argparse.Namespace,
    data: manifest.Manifest,
    clip: ClipConfig,
    store: FeatureStore | None,
) -> tuple[VideoDataset, VideoDataset]:
    if store is not None:
        return (
            FeatureDataset(data, "train", clip, train=True, seed=flags.seed, store=store),
            FeatureDataset(data, "val", clip, train=False, store=store),
        )
    make = datasets.get(flags.dataset)
    drawn = {"seed": flags.seed, "augmentation": flags.augmentation, "sbi": flags.sbi}
    return make(data, "train", clip, train=True, **drawn), make(data, "val", clip, train=False)


def build_plan(
    flags: argparse.Namespace,
    loss: Loss,
    train_loader: DataLoader,
    clip: ClipConfig,
    place: torch.device,
) -> Plan:
    attack = None
    if flags.adversarial != "none":
        attack = adversarial.make_attack(flags.adversarial, flags.epsilon, clip.mean, clip.std)
    return Plan(
        epochs=flags.epochs,
        threshold=THRESHOLD,
        log_interval=flags.log_interval,
        save_every_steps=flags.save_every_steps,
        chance_loss=_chance_loss(loss, train_loader.batch_sampler.items, flags.num_classes),
        max_gradient=flags.max_gradient,
        accumulate=flags.accumulate,
        precision=devices.precision(flags.precision, place),
        attack=attack,
        mix=MIXES.get(flags.mix),
    )


def _chance_loss(loss: Loss, sampler: samplers.EpochSampler, classes: int) -> float:
    """What guessing costs on average over an epoch's clips."""
    labels = torch.tensor(sampler.drawn_labels())
    return loss(torch.zeros(len(labels), classes), labels).mean().item()
