"""Builds the parts of a training run from its options: model, loaders, optimizer and loss, plan."""

import torch

import datasets
import models
from common import checkpointing, cores, devices, distributed
from common.errors import UsageError
from common.preprocessing import ClipConfig
from datasets import feature_store, manifest, samplers
from datasets.feature_store import FeatureDataset, FeatureStore
from datasets.loaders import ClipLoader, Reader, TrainingLoader
from datasets.manifest import Manifest
from datasets.mixed_sampler import MixedSampler
from datasets.video_dataset import VideoDataset, tracks_with_crops
from models import encoders, folding, projection, weights
from models.encoders import InputSpec
from models.frame_rnn import FrameModel
from training import adversarial, frozen_features
from training.loss import Loss, balanced_weights, make_loss
from training.mixup import MIXES
from training.moving_average import MovingAverage
from training.optimizer import Schedule, make_optimizer
from training.options import DataOptions, LoopOptions, ModelOptions, OptimizerOptions
from training.state import Plan, Training


def build_model(options: ModelOptions, resume: bool = False) -> tuple[FrameModel, InputSpec]:
    """Return the model and the input that its encoder expects.

    The encoder starts from the pretrained or local weights that the options name, or the whole
    model from a detector's. If `resume`, all
    weights are random, because those of the run will replace them. Raise UsageError if the options
    do not fit the encoder, WeightsError if the weights cannot be loaded.
    """
    encoder = encoders.build(options.model_name, projection.is_flat(options.head))
    encoders.check_size(encoder, options.model_name, options.crop_size or encoder.spec.size)
    model = models.assemble(encoder, options.config)
    if options.grad_checkpoint:
        encoders.recompute_blocks(encoder.module)
    if options.compile:
        encoder.module.compile()  # not the head: its input shapes vary from batch to batch
    if options.freeze != "none":
        count = len(encoders.stages(encoder.module))
        model.freeze(count if options.freeze == "all" else int(options.freeze))
    if options.weights is not None and not resume:
        weights.load_encoder(encoder, weights.read(options.weights), str(options.weights))
    elif options.init_from is not None and not resume:
        start = checkpointing.load(options.init_from).weights
        weights.load(model, start, str(options.init_from))
    elif options.pretrained and not resume:
        pretrained = weights.pretrained(options.model_name)
        weights.load_encoder(encoder, pretrained, "the pretrained file")
    return model, encoder.spec


def check_data(options: DataOptions, data: Manifest, monitor: str) -> None:
    """Check what needs no model, before weights are downloaded. Raise UsageError if --dataset is
    unknown, if the training split has only one label, or the validation split if `monitor` is
    val_auc; DataError if one of the two splits has no crops."""
    datasets.get(options.dataset)
    train, val = (tracks_with_crops(data, split)["label"] for split in ("train", "val"))
    if options.task == "content":  # the task has checked its classes
        return
    if (data.table["class"] != "").any():
        raise UsageError("the manifest has classes and no fakes: train with --task content")
    has_fakes = options.sbi > 0 or manifest.FAKE in set(train)
    if not has_fakes or manifest.REAL not in set(train):
        raise UsageError("the training split has only one label: there is nothing to learn")
    if monitor == "val_auc" and val.nunique() < 2:
        raise UsageError(
            "--monitor val_auc: the validation split has only one label, choose another metric"
        )


def build_training(
    options: OptimizerOptions, model: FrameModel, train_loader: TrainingLoader
) -> Training:
    """Return the model with its optimizer, schedule, loss and moving average. The number of steps
    and the balanced class weights depend on an epoch of `train_loader`."""
    encoder = list(model.encoder.parameters())
    in_encoder = set(map(id, encoder))
    head = [parameter for parameter in model.parameters() if id(parameter) not in in_encoder]
    trainable = [parameter for parameter in encoder if parameter.requires_grad]
    groups = [(head, options.lr), (trainable, options.encoder_lr or options.lr)]
    optimizer = make_optimizer(options.optimizer, groups, options.weight_decay)
    schedule = Schedule(optimizer, options.schedule, steps=options.epochs * len(train_loader))
    class_weights = None
    if options.class_weights == "balanced":
        labels = train_loader.batches.items.drawn_labels()
        class_weights = balanced_weights(labels, options.num_classes)
    loss = make_loss(options.label_smoothing, class_weights, options.focal_gamma)
    average = MovingAverage(model, options.ema) if options.ema else None
    return Training(model, distributed.data_parallel(model), optimizer, schedule, loss, average)


def build_features(
    model_name: str, model: FrameModel, data: Manifest, clip: ClipConfig, workers: int | None
) -> FeatureStore:
    """Return the store of the frozen encoder's features of all training and validation crops, after
    computing those that are missing. `model_name` is the name of the encoder."""
    key = feature_store.key(model_name, model.encoder.state_dict(), clip, data)
    store = FeatureStore(data, key)
    missing = sum(len(store.rows(part)) for part in store.missing())
    print(
        f"features of {len(store.tracks)} tracks in {store.folder}, {missing} of them to compute, "
        "with the evaluation transform: --augmentation has no effect"
    )
    if any(distributed.gather(missing)):
        encoder = folding.folded_copy(model).encoder
        on_gpu = model.device.type == "cuda"
        frozen_features.compute(encoder, store, clip, _workers(workers, on_gpu))
    return store


def build_loaders(
    options: DataOptions,
    data: Manifest,
    clip: ClipConfig,
    device: torch.device,
    store: FeatureStore | None = None,
    shares: dict[str, float] | None = None,
) -> tuple[TrainingLoader, ClipLoader]:
    """Return the training and the validation loader. They load the features in `store`, or pixels
    if it is None, and never the test split. `shares` are those of the collections of a joined
    manifest; empty or None: each is drawn whole.

    Raise UsageError if a batch has fewer clips than there are processes, DataError if a split has
    no crops or --balance pairs finds no pairs.
    """
    train, val = _datasets(options, data, clip, store)
    balance = _balance(options, train.labels)
    sampler = _sampler(train, shares or {}, balance, options.seed)
    fakes = f" ({sum(train.labels)} fake)" if options.task == "detector" else ""
    print(
        f"training: {len(train)} tracks{fakes}, {len(sampler)} an epoch, balance "
        f"{balance} · validation: {len(val.video_labels())} videos, {len(val)} clips"
    )
    rank, processes = distributed.rank(), distributed.world_size()
    if min(options.batch_size, len(sampler)) < processes:
        raise UsageError(
            f"{processes} processes need at least one clip each: --batch_size is "
            f"{options.batch_size}, and an epoch has {len(sampler)} clips"
        )
    batches = samplers.Batches(sampler, options.batch_size, rank, processes)
    val_batch = -(-options.batch_size // (options.accumulate * processes))  # fits into memory
    val_batches = samplers.FixedBatches(samplers.share(len(val), rank, processes), val_batch)
    on_gpu = device.type == "cuda"
    reader = Reader(_workers(options.workers, on_gpu), on_gpu, options.epochs)
    return (
        TrainingLoader(train, batches, reader, device),
        ClipLoader(val, val_batches, reader, device),
    )


def _balance(options: DataOptions, labels: list[int]) -> str:
    if options.balance != "auto":
        return options.balance
    unbalanced = options.task == "detector" and samplers.is_unbalanced(labels)
    return "per_epoch" if unbalanced else "none"


def _sampler(
    train: VideoDataset, shares: dict[str, float], balance: str, seed: int
) -> samplers.ItemSampler:
    """Return the sampler of the training clips: a mixture, if there are several collections."""
    names = train.collections
    if len(set(names)) == 1:
        return samplers.EpochSampler(train.labels, train.sources, balance, seed)
    return MixedSampler(names, train.labels, train.sources, shares, balance, seed)


def _workers(given: int | None, on_gpu: bool) -> int:
    return cores.loader_workers(given, on_gpu, distributed.local_processes())


def _datasets(
    options: DataOptions, data: Manifest, clip: ClipConfig, store: FeatureStore | None
) -> tuple[VideoDataset, VideoDataset]:
    if store is not None:
        return (
            FeatureDataset(data, "train", clip, train=True, seed=options.seed, store=store),
            FeatureDataset(data, "val", clip, train=False, store=store),
        )
    dataset = datasets.get(options.dataset)
    train = dataset(
        data,
        "train",
        clip,
        train=True,
        seed=options.seed,
        augmentation=options.augmentation,
        sbi=options.sbi,
        animate=options.pseudo_clips,
    )
    return train, dataset(data, "val", clip, train=False, animate=options.pseudo_clips)


def build_plan(
    options: LoopOptions,
    loss: Loss,
    train_loader: TrainingLoader,
    clip: ClipConfig,
    device: torch.device,
) -> Plan:
    """Return the settings of the training loop. `loss` and `train_loader` determine the
    loss of guessing, `clip` the normalisation that an attack works with."""
    attack = None
    if options.adversarial != "none":
        attack = adversarial.make_attack(options.adversarial, options.epsilon, clip.mean, clip.std)
    sampler = train_loader.batches.items
    return Plan(
        epochs=options.epochs,
        log_interval=options.log_interval,
        save_every_steps=options.save_every_steps,
        chance_loss=_chance_loss(loss, sampler, options.num_classes),
        max_gradient=options.max_gradient,
        accumulate=options.accumulate,
        precision=devices.precision(options.precision, device),
        attack=attack,
        mix=MIXES.get(options.mix),
    )


def _chance_loss(loss: Loss, sampler: samplers.ItemSampler, classes: int) -> float:
    """Return the mean loss over an epoch's clips if all classes get the same probability."""
    labels = torch.tensor(sampler.drawn_labels())
    return loss(torch.zeros(len(labels), classes), labels).mean().item()
