"""The flags of train.py. Boolean flags take True or False (`--pretrained True`)."""

import argparse
from collections.abc import Container, Sequence
from pathlib import Path

from common.errors import UsageError
from flags.shared import add_device, add_loader_workers, add_precision, new_parser
from flags.train_data import add_data, add_model
from flags.train_learning import add_optimization, add_regularisation, add_training
from flags.types import at_least, str2bool


def train_parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "Train a detector on a manifest. After every epoch, write a checkpoint, a row of "
        "history.csv and the\nloss curves to checkpoints/RUN/.",
        "python train.py --model_name resnet152 --epochs 50",
    )
    add_data(parser.add_argument_group("data"))
    add_model(parser.add_argument_group("model"))
    add_training(parser.add_argument_group("training"))
    add_regularisation(parser.add_argument_group("mixed and adversarial clips"))
    add_optimization(parser.add_argument_group("loss and optimizer"))
    _add_memory(parser.add_argument_group("memory and speed"))
    _add_run(parser.add_argument_group("run"))
    return parser


def add_replayed(flags: argparse.Namespace) -> None:
    """Append the manifests of --replay to --csv_file, with their shares. Raise UsageError if flags
    contradict each other."""
    if not flags.replay:
        return
    if flags.init_from is None or flags.shares:
        raise UsageError("--replay needs --init_from, and sets --shares itself: leave that out")
    names, shares = zip(*flags.replay, strict=True)
    if sum(shares) >= 1:
        raise UsageError(f"--replay: the shares sum to {sum(shares):g}, but must be below 1")
    each = (1 - sum(shares)) / len(flags.csv_file)
    flags.shares = [each] * len(flags.csv_file) + list(shares)
    flags.csv_file = [*flags.csv_file, *names]
    flags.replay = []


def set_image_flags(flags: argparse.Namespace, given: Container[str]) -> None:
    """With --dataset image, a clip is one frame, and without a temporal head, unless these flags
    are among those `given`."""
    if flags.dataset == "image":
        flags.clip_frames = flags.clip_frames if "clip_frames" in given else 1
        flags.temporal = flags.temporal if "temporal" in given else "none"


def given_flags(words: Sequence[str]) -> set[str]:
    """Return the names of the flags that are among the command-line arguments `words`."""
    parser = train_parser()
    for action in parser._actions:
        action.default = argparse.SUPPRESS
    return set(vars(parser.parse_args(words)))


def check_train_flags(flags: argparse.Namespace) -> None:
    """Raise UsageError if flags contradict each other."""
    if flags.replay and flags.resume is not None:
        raise UsageError("--resume continues a run with its manifests: leave out --replay")
    if flags.init_from is not None and flags.weights is not None:
        raise UsageError("--init_from has all weights of the model: leave out --weights")
    if flags.task == "content":
        _check_content(flags)
    if flags.freeze == "all":
        without_effect = {
            "sbi": flags.sbi > 0,
            "pseudo_clips": flags.pseudo_clips,
            "adversarial": flags.adversarial != "none",
            "mix": flags.mix != "none",
            "grad_checkpoint": flags.grad_checkpoint,
            "encoder_lr": flags.encoder_lr is not None,
        }
        given = [f"--{name}" for name, is_given in without_effect.items() if is_given]
        if given:
            raise UsageError(
                "--freeze all trains only the head, on stored features: leave out "
                f"{', '.join(given)}"
            )
    if flags.freeze == "all" and len(flags.csv_file) > 1:
        raise UsageError("--freeze all stores the features of a single manifest in --csv_file")
    if flags.balance == "pairs" and flags.batch_size % 2:
        raise UsageError("--balance pairs needs an even --batch_size, so that no pair is divided")
    several = [name for name in ("seeds", "model_names") if getattr(flags, name) is not None]
    if len(several) > 1:
        raise UsageError("--seeds and --model_names both train several runs: give one of them")
    for name in several:
        if flags.resume is not None:
            raise UsageError(
                f"--resume continues a single run: to continue the runs of --{name}, repeat their "
                "command without --resume"
            )
        if flags.run_name is None:
            raise UsageError(
                f"--{name} needs a --run_name, so that the same command can continue its runs"
            )
    if flags.model_names is not None and (flags.dry_run or flags.init_from or flags.weights):
        raise UsageError("--model_names: leave out --dry_run, --init_from and --weights")
    if flags.resume is not None and flags.config is not None:
        raise UsageError("--resume uses the flags stored with the run: leave out --config")


def _check_content(flags: argparse.Namespace) -> None:
    """Raise UsageError if flags are given that only detectors have."""
    for_detectors = {
        "balance": flags.balance not in ("auto", "none"),
        "sbi": flags.sbi > 0,
        "init_from": flags.init_from is not None,
        "tensorboard": flags.tensorboard,
        "monitor val_auc": flags.monitor == "val_auc",
        "csv_file with several manifests": len(flags.csv_file) > 1,
    }
    given = [f"--{name}" for name, is_given in for_detectors.items() if is_given]
    if given:
        raise UsageError(f"--task content has no reals and fakes: leave out {', '.join(given)}")


def _add_memory(group: argparse._ArgumentGroup) -> None:
    add_device(group, "auto", "the model")
    add_precision(group, "auto")
    add_loader_workers(group)
    group.add_argument(
        "--accumulate",
        type=at_least(1),
        default=1,
        metavar="PARTS",
        help="split each batch into this many parts and accumulate their gradients, to save "
        "memory; --batch_size is the size of the whole batch",
    )
    group.add_argument(
        "--grad_checkpoint",
        type=str2bool,
        default=False,
        metavar="True|False",
        help="recompute the encoder's activations in the backward pass, to save memory",
    )
    group.add_argument(
        "--compile",
        type=str2bool,
        default=False,
        metavar="True|False",
        help="compile the encoder with torch.compile, which takes several minutes at the start",
    )


def _add_run(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--run_name",
        help="name of the run's folder in --checkpoints (default: --model_name and the time)",
    )
    group.add_argument(
        "--checkpoints",
        type=Path,
        default=Path("checkpoints"),
        metavar="DIR",
        help="folder that contains the folders of all runs",
    )
    group.add_argument(
        "--keep_checkpoints",
        type=at_least(0),
        default=0,
        metavar="N",
        help="number of epoch checkpoints (epoch_*.pt) to keep, the newest ones; 0: keep all. "
        "best.pt and last.pt are always kept",
    )
    group.add_argument(
        "--log_interval",
        type=at_least(1),
        default=10,
        metavar="STEPS",
        help="update the loss in the progress bar every STEPS steps",
    )
    group.add_argument(
        "--save_every_steps",
        type=at_least(0),
        default=0,
        metavar="STEPS",
        help="save last.pt, from which --resume continues, also every STEPS steps; 0: only after "
        "every epoch",
    )
    group.add_argument(
        "--tensorboard",
        type=str2bool,
        default=False,
        metavar="True|False",
        help="write a TensorBoard log into the run's folder",
    )
    group.add_argument(
        "--dry_run",
        action="store_true",
        help="run two training steps and one validation batch, print an estimate of memory and "
        "time, and exit without writing anything",
    )
    group.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="read flags from a YAML file or from the args.json of a run; flags on the command "
        "line take precedence",
    )
    group.add_argument(
        "--resume",
        metavar="last|DIR",
        help="continue the most recently saved run in --checkpoints (last), or the run in the "
        "folder DIR, with the flags stored in its args.json",
    )
    group.add_argument(
        "--force",
        action="store_true",
        help="resume even if the manifest or flags that affect the result have changed",
    )
