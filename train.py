"""Manifest → checkpoints/<run>/: a checkpoint, a row of history.csv and curves every epoch.

python train.py --model_name resnet152 --epochs 50
"""

import args

if __name__ == "__main__":
    args.train_parser().parse_args()  # --help and wrong flags are answered before slow imports


import argparse
import random
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from common import devices, distributed, errors
from common.checkpointing import Checkpoint
from common.errors import PipelineError, UsageError
from common.preprocessing import ClipConfig
from common.signals import stop_request
from datasets import manifest, splits
from datasets.feature_store import FeatureStore
from scoring import calibrate, training_range
from scoring.aggregate import ClipScore
from scoring.decision_rule import Judgement
from trainer import fit, take_step
from training import build, dry_run, history, run_folder, tensorboard_log
from training.history import EpochRow
from training.state import Hooks, Plan, Position, Stopped


def main() -> int:
    flags, folder = read_flags(sys.argv[1:])
    place = devices.choose(flags.device)
    # A dry run is the same for every seed.
    one = flags.seeds is None or flags.dry_run
    with distributed.group(place), advice(flags):
        return run_once(flags, folder, place) if one else run_seeds(flags, place)


def run_seeds(flags: argparse.Namespace, place: torch.device) -> int:
    """A run for each of --seeds, and a table of them all. What is done or half done goes on."""
    folders = run_folder.seed_folders(flags)
    for seed, folder in folders.items():
        words = {"seeds": None, "seed": seed, "run_name": folder.name}
        one = argparse.Namespace(**vars(flags) | words)
        begun = (folder / "last.pt").exists()
        code = run_once(one, folder if begun else None, place)
        if code:
            print("the same command goes on with the other seeds")
            return code
    if distributed.is_first():  # the others do not wait until it has written
        print(history.compare(folders, flags.monitor))
    return 0


def run_once(flags: argparse.Namespace, begun: Path | None, place: torch.device) -> int:
    """One run, from its beginning or on from where the one in the folder `begun` is; return the
    exit code."""
    saved = run_folder.load(begun) if begun else None
    if flags.tensorboard:
        tensorboard_log.require()
    seed_everything(flags.seed)
    model, spec = build.build_model(flags, resume=saved is not None)
    model = distributed.synchronise_batch_norm(model.to(place))
    data = manifest.read(manifest.find(flags.csv_file))
    fingerprint = manifest.fingerprint(data)
    if saved and not flags.force:
        saved.check(args.changes(flags, run_folder.flags_of(saved.folder)), fingerprint)
    clip = ClipConfig(flags.clip_frames, flags.crop_size or spec.size, spec.mean, spec.std)
    store = frozen_features(flags, model, data, clip, saved)
    train_loader, val_loader = build.build_loaders(flags, data, clip, place, store)
    if distributed.rank():  # weights were drawn alike, dropout is every process's own
        torch.manual_seed(flags.seed + distributed.rank())
    training = build.build_training(flags, model, train_loader)
    plan = build.build_plan(flags, training.loss, train_loader, clip, place)
    if flags.dry_run:
        if flags.freeze == "all":
            print("an epoch here goes through the encoder, as computing its features once does;")
            print("the epochs of the run itself, of the head alone, take far less")
        for line in dry_run.rehearse(training, train_loader, val_loader, plan, take_step):
            print(line, flush=True)
        return 0
    folder = saved.folder if saved else run_folder.make_folder(flags)
    run_folder.write_flags(folder, flags)
    run = run_folder.Run(
        folder,
        training,
        checkpoint_maker(flags, data, fingerprint, clip, saved),
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
    judged_by = data.tracks("val").drop_duplicates("video_id").set_index("video_id")
    judge = partial(calibrate.of_validation, labels=judged_by["label"], sources=judged_by["group"])
    return train(flags, run, train_loader, val_loader, plan, position, judge)


def frozen_features(
    flags: argparse.Namespace,
    model: torch.nn.Module,
    data: manifest.Manifest,
    clip: ClipConfig,
    saved: run_folder.Saved | None,
) -> FeatureStore | None:
    """What --freeze all learns from; a dry run writes nothing, and goes through the encoder."""
    if flags.freeze != "all" or flags.dry_run:
        return None
    if saved:  # its weights, not those that were just drawn
        saved.give_weights(model)
    return build.build_features(flags, model, data, clip)


def checkpoint_maker(
    flags: argparse.Namespace,
    data: manifest.Manifest,
    fingerprint: dict[str, Any],
    clip: ClipConfig,
    saved: run_folder.Saved | None,
) -> Callable[..., Checkpoint]:
    """What makes a checkpoint of weights, epoch and metrics."""
    trained_on = set(splits.fingerprints(data.split("train")["group"]))
    if saved:  # with another split, perhaps
        trained_on |= set(saved.checkpoint.trained_on)
    return partial(
        Checkpoint,
        model=build.model_config(flags).to_dict(),
        faces=data.faces,
        clip=clip,
        classes=list(manifest.CLASSES),
        trained_on=sorted(trained_on),
        data=fingerprint,
        familiar=training_range.of_training(data.tracks("train")).to_dict(),
    )


def read_flags(words: list[str]) -> tuple[argparse.Namespace, Path | None]:
    """The flags of this call, and the folder of the run that it goes on with."""
    flags = args.train_flags(words)
    if flags.resume is None:
        if flags.seeds is not None and flags.run_name is None:
            raise UsageError("--seeds needs a --run_name, so that the same command can go on")
        return flags, None
    if flags.seeds is not None:
        raise UsageError(
            "--resume goes on with one run; the command with --seeds goes on by itself"
        )
    if flags.config is not None:
        raise UsageError("--resume takes the run's own flags: leave out --config")
    folder = run_folder.find(flags.resume, flags.checkpoints)
    return args.repeat(run_folder.flags_of(folder), words), folder


def train(
    flags: argparse.Namespace,
    run: run_folder.Run,
    train_loader: DataLoader,
    val_loader: DataLoader,
    plan: Plan,
    position: Position,
    judge: Callable[[list[ClipScore]], Judgement],
) -> int:
    """Fit from `position` on; return the exit code. `judge` makes a judgement of validation's
    scores."""
    watched = flags.tensorboard and distributed.is_first()
    events = tensorboard_log.Board(run.folder, position.epoch) if watched else None

    def after_epoch(row: EpochRow, position: Position, clips: list[ClipScore]) -> bool:
        run.finish_epoch(row, position, judge(clips).to_dict())
        print(row.line(flags.epochs), flush=True)
        if events:
            events.add(row, run.training.judged, val_loader.dataset)
        return run.goes_on

    with stop_request() as stop:
        try:
            if run.goes_on:
                hooks = Hooks(run.save, after_epoch, stop)
                fit(run.training, train_loader, val_loader, plan, hooks, position)
        except Stopped:
            print(f"stopped; this goes on where it was: python train.py --resume {run.folder}")
            return stop.exit_code or 128 + signal.SIGTERM  # another process was asked
    if not run.goes_on:
        print(f"ended early: {flags.patience} epochs brought no better {flags.monitor}")
    print(f"best epoch {run.best.epoch} (by {flags.monitor}): {run.folder / 'best.pt'}")
    return 0


@contextmanager
def advice(flags: argparse.Namespace) -> Iterator[None]:
    """Answer a step that does not fit with ways out, in the order of what they cost, and an encoder
    that cannot be compiled with what it would take."""
    try:
        yield
    except RuntimeError as error:
        if flags.compile:
            from torch._dynamo.exc import TorchDynamoException  # slow to import

            if isinstance(error, TorchDynamoException):
                raise PipelineError(
                    f"--compile: this encoder cannot be compiled here ({errors.one_line(error)}): "
                    "it takes a C++ compiler, on a GPU also triton; or leave the flag out"
                ) from error
        if not any(text in str(error) for text in ("out of memory", "can't allocate memory")):
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


def seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


if __name__ == "__main__":
    errors.run(main)
