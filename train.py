"""Trains a detector on a manifest and writes a checkpoint to checkpoints/<run>/ every epoch.

python train.py --model_name resnet152 --epochs 50
"""

import args

if __name__ == "__main__":
    args.train_parser().parse_args()  # before slow imports, so that --help answers at once


import argparse
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

import detectors
import models
from common import allocator, checkpointing, devices, distributed, errors
from common.checkpointing import Checkpoint
from common.preprocessing import ClipConfig
from common.signals import stop_request
from datasets.feature_store import FeatureStore
from datasets.manifest import Manifest
from datasets.shared_memory import explained_loader_errors
from models import projection
from models.frame_rnn import FrameModel
from trainer import fit, measure, take_step
from training import (
    build,
    dry_run,
    environment,
    fine_tuning,
    history,
    mlflow_log,
    resume,
    run_data,
    run_folder,
    tensorboard_log,
)
from training.history import EpochRow
from training.options import (
    DataOptions,
    LoopOptions,
    ManifestOptions,
    ModelOptions,
    OptimizerOptions,
    RunOptions,
)
from training.resume import SavedRun
from training.run_data import RunData
from training.run_folder import Run
from training.seeding import seed_everything
from training.state import Hooks, Parts, Position, Stopped
from training.step_errors import explain_step_errors
from training.tasks import Task


@explained_loader_errors()
def main() -> int:
    flags, folder = read_flags(sys.argv[1:])
    device = devices.choose(flags.device)
    allocator.keep_memory()
    torch.backends.cudnn.benchmark = True  # almost all batches have one shape
    explained = explain_step_errors(
        args.build_options(ModelOptions, flags),
        args.build_options(DataOptions, flags),
        args.build_options(LoopOptions, flags),
        clip_frames=flags.clip_frames,
    )
    with distributed.process_group(device), explained:
        if flags.model_names is not None:
            variants = {name: {"model_name": name} for name in flags.model_names}
            return run_several(flags, variants, device)
        if flags.seeds is None or flags.dry_run:  # the estimate is the same for every seed
            return run_once(flags, folder, device)
        return run_several(flags, {f"seed_{n}": {"seed": n} for n in flags.seeds}, device)


def read_flags(words: list[str]) -> tuple[argparse.Namespace, Path | None]:
    """Return the flags for the command-line arguments `words`, and the folder of the run to resume;
    None for a new run. Raise UsageError if flags contradict each other, or if there is no such
    run."""
    flags = args.train_parser().parse_args(words)
    given = args.given_flags(words)
    if flags.config is not None and flags.resume is None:
        given |= args.config_names(flags.config)
        flags = args.read_config(flags.config, words)
    args.check_train_flags(flags)
    if flags.resume is None:
        args.add_replayed(flags)
        args.set_image_flags(flags, given)
        if flags.init_from is not None:
            flags.init_from = detectors.find(flags.init_from)
            fine_tuning.adopt(flags, args.given_flags(words))
        return flags, None
    folder = run_folder.find(flags.resume, flags.checkpoints)
    flags = args.read_run_flags(run_folder.flags_file(folder), words)
    args.check_train_flags(flags)
    return flags, folder


def run_several(
    flags: argparse.Namespace, variants: dict[str, dict[str, Any]], device: torch.device
) -> int:
    """Train one run for each variant, name → changed flags, resuming those that already exist, and
    print a table of their best epochs. Return the exit code."""
    folders = {name: flags.checkpoints / f"{flags.run_name}_{name}" for name in variants}
    for name, folder in folders.items():
        changed = {"seeds": None, "model_names": None, "run_name": folder.name} | variants[name]
        begun = (folder / "last.pt").exists()
        code = run_once(
            argparse.Namespace(**vars(flags) | changed), folder if begun else None, device
        )
        if code:
            print("to continue with the other runs too, repeat the same command")
            return code
    if distributed.is_first():  # the others may get here before history.csv is written
        counts = {name: count_parameters(folder) for name, folder in folders.items()}
        print(history.compare(folders, flags.monitor, counts))
    return 0


def count_parameters(folder: Path) -> int:
    """Return the number of parameters of a run's model."""
    flags = args.read_run_flags(run_folder.flags_file(folder))
    return models.count_parameters(args.build_options(ModelOptions, flags).config)


def run_once(flags: argparse.Namespace, folder: Path | None, device: torch.device) -> int:
    """Train a new run, or continue the run in `folder`; with --dry_run, only print an estimate.
    Return the exit code. Raise UsageError if another process is writing to the run folder."""
    with ExitStack() as locks:
        if folder and not flags.dry_run:
            locks.enter_context(run_folder.locked(folder, new=False))
        return run_locked(flags, folder, device, locks)


def run_locked(
    flags: argparse.Namespace, folder: Path | None, device: torch.device, locks: ExitStack
) -> int:
    """Do the work of `run_once`. The lock of a new run's folder is added to `locks`."""
    saved = resume.load(folder) if folder else None
    if flags.tensorboard:
        tensorboard_log.summary_writer()
    start = checkpointing.load(flags.init_from) if flags.init_from and not saved else None
    data = read_data(flags, saved, start)
    new = run_folder.new_path(flags.checkpoints, flags.run_name, flags.model_name)
    folder = saved.folder if saved else new
    if not saved and not flags.dry_run and distributed.is_first():
        run_folder.check_is_free(folder)
    parts = build_parts(flags, data, saved, device)
    if flags.dry_run:
        print_estimate(flags, parts)
        return 0
    if not saved:
        locks.enter_context(run_folder.locked(folder, new=True))
    before = args.read_environments(run_folder.flags_file(folder)) if saved else []
    environments = environment.extended(before, environment.describe(device))
    config = args.build_options(ModelOptions, flags).config
    earlier = saved.checkpoint if saved else start
    known = earlier.trained_on if earlier else []
    make_checkpoint = data.checkpoint_maker(config, parts.clip, known)
    run = Run(folder, parts.training, make_checkpoint, args.build_options(RunOptions, flags))
    position = resume.restore(run, saved) if saved else Position()
    run_folder.keep_augmentation(folder, flags.augmentation, flags.force)
    # After `restore`: a run that cannot be continued keeps the flags that it was started with.
    run_folder.write_flags(folder, args.run_flags(flags), environments)
    if saved:
        print(f"resuming {folder} in epoch {position.epoch}, after step {position.step}")
    else:
        if start:
            metrics = measure(parts.training, parts.val_loader, data.task)
            if distributed.is_first():
                fine_tuning.write_before(folder, metrics)
        run.save(position)
    del saved, start, earlier  # frees a second copy of all weights
    return train(flags, run, parts, data.task, position)


def read_data(
    flags: argparse.Namespace, saved: SavedRun | None, start: Checkpoint | None
) -> RunData:
    """Return the data of a run, set `flags.num_classes` to the number of outputs, and print
    warnings about --init_from. `saved` is the run to resume, `start` the detector of --init_from.
    Raise UsageError or DataError if the data do not fit these or the flags."""
    options = args.build_options(ManifestOptions, flags)
    data = run_data.read(options, flags.task, flags.num_classes)
    flags.num_classes = data.num_classes
    if saved and not flags.force:
        changes = args.changed_flags(flags, run_folder.flags_file(saved.folder))
        saved.check_unchanged(changes, data.fingerprint)
    build.check_data(args.build_options(DataOptions, flags), data.manifest, flags.monitor)
    if start:
        fine_tuning.check_validation(start, data.manifest)
        for warning in fine_tuning.warnings(start, data.manifest):
            print(f"warning: {warning}", file=sys.stderr)
    return data


def build_parts(
    flags: argparse.Namespace, data: RunData, saved: SavedRun | None, device: torch.device
) -> Parts:
    """Seed the generators and return the parts of a run. Its weights are new, or those of --weights
    or --init_from; random if it is `saved`, until `resume.restore`. With --freeze all, missing
    features are computed."""
    seed_everything(flags.seed)
    model, spec = build.build_model(args.build_options(ModelOptions, flags), resume=bool(saved))
    model = distributed.synchronise_batch_norm(model.to(device))
    clip = ClipConfig(flags.clip_frames, flags.crop_size or spec.size, spec.mean, spec.std)
    store = frozen_features(flags, model, data.manifest, clip, saved)
    options = args.build_options(DataOptions, flags)
    loader, val = build.build_loaders(options, data.manifest, clip, device, store, data.shares)
    if distributed.rank():  # processes start with the same weights, but draw different dropout
        torch.manual_seed(flags.seed + distributed.rank())
    training = build.build_training(args.build_options(OptimizerOptions, flags), model, loader)
    loop = args.build_options(LoopOptions, flags)
    plan = build.build_plan(loop, training.loss, loader, clip, device)
    return Parts(training, loader, val, plan, clip)


def print_estimate(flags: argparse.Namespace, parts: Parts) -> None:
    """Print the time and memory that the run will need (--dry_run)."""
    if flags.freeze == "all":
        print("this estimate includes the encoder, whose features the run computes only once;")
        print("the epochs of the run itself train only the head and take far less time")
    lines = dry_run.estimate(
        parts.training, parts.train_loader, parts.val_loader, parts.plan, take_step
    )
    for line in lines:
        print(line, flush=True)


def frozen_features(
    flags: argparse.Namespace,
    model: FrameModel,
    data: Manifest,
    clip: ClipConfig,
    saved: SavedRun | None,
) -> FeatureStore | None:
    """Return the encoder's features that --freeze all trains on, after computing missing ones.
    Return None without --freeze all, and for a dry run, which writes nothing."""
    if flags.freeze != "all" or flags.dry_run:
        return None
    if saved:  # the run's weights, not newly initialised ones
        saved.load_weights(model)
    name = flags.model_name + (" flat" if projection.is_flat(flags.head) else "")
    return build.build_features(name, model, data, clip, flags.workers)


def train(
    flags: argparse.Namespace,
    run: Run,
    parts: Parts,
    task: Task,
    position: Position,
) -> int:
    """Train from `position` until the last epoch, early stopping or a signal. Return the exit
    code."""
    log = tracked = None
    if distributed.is_first():
        tracked = mlflow_log.begin(run.folder, args.run_flags(flags))
        if flags.tensorboard:
            log = tensorboard_log.TensorBoardLog(run.folder, position.epoch)

    def after_epoch(row: EpochRow, position: Position, clips: list[Any]) -> bool:
        run.finish_epoch(row, position, task.fit_rule(clips))
        print(row.line(flags.epochs), flush=True)
        if log:
            log.add(row, parts.training.evaluated, parts.val_loader.dataset)
        if tracked:
            tracked.add(row)
        return run.has_patience

    exit_code = 0
    with stop_request() as stop:
        try:
            if run.has_patience:
                hooks = Hooks(run.save, after_epoch, stop)
                fit(
                    parts.training,
                    parts.train_loader,
                    parts.val_loader,
                    task,
                    parts.plan,
                    hooks,
                    position,
                )
        except Stopped:  # another process may be the one that was asked to stop
            exit_code = stop.exit_code or 128 + signal.SIGTERM
        except BaseException:
            if tracked:
                tracked.finish("FAILED")
            raise
        finally:
            run.wait()
    if tracked:
        tracked.finish("KILLED" if exit_code else "FINISHED")
    if exit_code:
        print(f"stopped; to continue: python train.py --resume {run.folder}")
        return exit_code
    if not run.has_patience:
        print(f"stopped early: {flags.patience} epochs without an improvement in {flags.monitor}")
    if flags.init_from and (compared := fine_tuning.comparison(run.folder, run.best)):
        print(compared)
    print(f"best epoch {run.best.epoch} (by {flags.monitor}): {run.folder / 'best.pt'}")
    return 0


if __name__ == "__main__":
    errors.run(main)
