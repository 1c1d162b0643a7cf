"""Every flag of train.py, and what all entry points share: grouped, typed, validated. Standard
library only. (preprocess_dfdc.py: preprocessing_args.py; evaluate.py and score.py: judging_args.py)

Booleans are strict text (`--pretrained True`), abbreviations are refused, and --help shows
every default.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.errors import UsageError, one_line
from common.preprocessing import ClipConfig
from flags.types import Formatter, at_least, between, freeze, seeds, str2bool

# Flags that args.json does not hand on.
OF_ONE_CALL = {"config", "resume", "force", "dry_run", "seeds"}
# Flags that change nothing of what a run computes.
FREE = OF_ONE_CALL | {
    *("run_name", "checkpoints", "keep_checkpoints", "save_every_steps", "log_interval", "workers"),
    "tensorboard",
}
CLIPS = ClipConfig()


def new_parser(description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        description=description, formatter_class=Formatter, allow_abbrev=False
    )


def train_parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "Manifest → checkpoints/<run>/: a checkpoint, a row and curves every epoch."
    )
    data = parser.add_argument_group("data")
    data.add_argument("--dataset", default="video", help="what an item is")
    data.add_argument(
        "--csv_file",
        default="videos_df",
        help="manifest; also looked for with .csv added and in data/",
    )
    data.add_argument("--clip_frames", type=at_least(1), default=CLIPS.clip_frames, help="T")
    data.add_argument(
        "--crop_size", type=at_least(32), help="H = W (default: what the encoder expects)"
    )
    data.add_argument(
        "--balance",
        choices=["auto", "per_epoch", "oversample", "pairs", "none"],
        default="auto",
        help="per_epoch: all of the rarer label and a fresh share of the other every epoch; "
        "oversample: all of the commoner, the rarer again and again; pairs: a real and a fake of "
        "one source side by side; auto: per_epoch unless the manifest is balanced",
    )
    data.add_argument(
        "--sbi",
        type=between(0, 1),
        default=0.0,
        help="share of the training fakes that give way to reals blended with themselves, "
        "drawn anew every epoch",
    )
    data.add_argument(
        "--augmentation",
        choices=["none", "mild", "strong"],
        default="mild",
        help="of training clips, one draw for all frames; mild: mirrored, cropped, other light; "
        "strong: more of it, at times turned, blurred, noisy, recompressed, partly hidden",
    )

    model = parser.add_argument_group("model")
    model.add_argument("--model_name", default="resnet152", help="frame encoder (python -m models)")
    model.add_argument(
        "--temporal",
        choices=["lstm", "gru", "transformer", "attention", "mean", "max", "none"],
        default="lstm",
        help="what is made of a clip's frames; attention, mean and max are blind to their order, "
        "none judges every frame alone",
    )
    model.add_argument(
        "--temporal_layers", type=at_least(1), default=1, help="of lstm, gru, transformer"
    )
    model.add_argument("--bidirectional", type=str2bool, default=False, help="lstm and gru")
    model.add_argument("--embed_dim", type=at_least(1), default=512, help="D")
    model.add_argument("--dropout", type=between(0, 0.95), default=0.3)
    model.add_argument("--num_classes", type=at_least(2), default=2, help="K; class 1 is FAKE")
    model.add_argument(
        "--pretrained", type=str2bool, default=True, help="start from ImageNet weights"
    )
    model.add_argument(
        "--freeze",
        type=freeze,
        default="none",
        metavar="all|none|N",
        help="what of the encoder stays as it is; all: its features are computed once, with the "
        "evaluation transform, and kept beside the manifest; N: its first N stages",
    )
    model.add_argument(
        "--weights", type=Path, help="a local file of encoder weights, used instead of a download"
    )

    _add_training(parser.add_argument_group("training"))
    _add_optimization(parser.add_argument_group("optimization"))
    run = parser.add_argument_group("run")
    run.add_argument("--run_name", help="folder in checkpoints/ (default: model and time)")
    run.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    run.add_argument(
        "--keep_checkpoints", type=at_least(0), default=0, help="newest epochs kept; 0 keeps all"
    )
    run.add_argument("--log_interval", type=at_least(1), default=10, help="steps")
    run.add_argument(
        "--save_every_steps",
        type=at_least(0),
        default=0,
        help="write last.pt every so many steps, too; 0: after epochs only",
    )
    run.add_argument(
        "--resume",
        metavar="last|PATH",
        help="go on with the run that was saved last, or with this run folder, exactly where it "
        "was; its flags hold unless given anew",
    )
    run.add_argument(
        "--force", action="store_true", help="resume although flags or data have changed"
    )
    run.add_argument(
        "--tensorboard",
        type=str2bool,
        default=False,
        help="events with curves and a few clips in the run folder",
    )
    run.add_argument(
        "--dry_run",
        action="store_true",
        help="build everything, run two steps, and say what the run will take; writes nothing",
    )
    run.add_argument(
        "--config", type=Path, help="YAML file of flags, or the args.json of a run to repeat"
    )
    add_machine(run)
    return parser


def _add_training(group) -> None:
    group.add_argument("--epochs", type=at_least(1), default=50)
    group.add_argument(
        "--patience",
        type=at_least(0),
        default=0,
        help="end after so many epochs without a better --monitor; 0: never",
    )
    group.add_argument(
        "--monitor",
        choices=["val_loss", "val_auc", "val_acc"],
        default="val_loss",
        help="what says which epoch is best",
    )
    group.add_argument("--batch_size", type=at_least(1), default=16, help="clips per step")
    group.add_argument(
        "--accumulate",
        type=at_least(1),
        default=1,
        help="parts of a batch that go through the model one after the other, to save memory",
    )
    group.add_argument(
        "--grad_checkpoint",
        type=str2bool,
        default=False,
        help="compute parts of the encoder twice instead of keeping them in memory",
    )
    group.add_argument(
        "--compile",
        type=str2bool,
        default=False,
        help="translate the encoder for this machine first, which takes minutes (torch.compile)",
    )
    group.add_argument(
        "--precision",
        choices=["auto", "float32", "bfloat16"],
        default="auto",
        help="of the model's arithmetic; auto: bfloat16 on a GPU that has it, else float32",
    )
    group.add_argument(
        "--mix",
        choices=["none", "mixup", "cutmix"],
        default="none",
        help="training clips mixed in pairs, labels too",
    )
    group.add_argument(
        "--adversarial",
        choices=["none", "fgsm", "pgd"],
        default="none",
        help="change every training clip so that the model errs, as an attacker would; twice and "
        "six times the work",
    )
    group.add_argument(
        "--epsilon",
        type=between(0, 1),
        default=0.008,
        help="by which --adversarial may change a pixel's value in [0, 1]",
    )
    group.add_argument("--seed", type=at_least(0), default=0)
    group.add_argument(
        "--seeds",
        type=seeds,
        metavar="0,1,2",
        help="a run for each, and a table of their best epochs",
    )


def _add_optimization(group) -> None:
    group.add_argument("--optimizer", choices=["adamw", "adam", "sgd"], default="adamw")
    group.add_argument("--lr", type=between(1e-8, 10), default=0.001, help="peak learning rate")
    group.add_argument(
        "--encoder_lr", type=between(1e-8, 10), help="of the frame encoder (default: --lr)"
    )
    group.add_argument(
        "--schedule",
        choices=["one_cycle", "cosine", "step", "plateau", "constant"],
        default="one_cycle",
        help="of the learning rate; step: a tenth after half and after three quarters; plateau: "
        "0.3 times after 3 epochs without a lower validation loss",
    )
    group.add_argument("--weight_decay", type=between(0, 1), default=0.01)
    group.add_argument(
        "--max_gradient", type=between(0, 1e6), default=1.0, help="norm to clip to; 0: never"
    )
    group.add_argument("--label_smoothing", type=between(0, 0.9), default=0.0)
    group.add_argument(
        "--class_weights",
        choices=["none", "balanced"],
        default="none",
        help="of the loss; balanced: both labels count alike, however rare one is",
    )
    group.add_argument(
        "--focal_gamma",
        type=between(0, 10),
        default=0.0,
        help="above 0: the focal loss, commonly 2",
    )
    group.add_argument(
        "--ema",
        type=between(0, 0.99999),
        default=0.0,
        metavar="DECAY",
        help="judge and keep a moving average of the weights, commonly 0.999; 0: the weights",
    )


def train_flags(words: Sequence[str]) -> argparse.Namespace:
    """Flags of train.py. What stands in the file of --config counts where `words` are silent."""
    flags = train_parser().parse_args(words)
    return flags if flags.config is None else repeat(flags.config, words)


def repeat(file: Path, words: Sequence[str] = ()) -> argparse.Namespace:
    """Flags of train.py as a run's args.json, or a YAML file of the same names, says them, and
    then as `words` do. Raise UsageError for a file that holds no flags."""
    values = _read_mapping(file)
    written = [f"--{k}={v}" for k, v in values.items() if v is not None and k not in OF_ONE_CALL]
    return train_parser().parse_args([*written, *words])


def changes(flags: argparse.Namespace, file: Path) -> list[str]:
    """Those of `flags` by which a run would compute something else than with a run's args.json."""
    now, before = vars(flags), vars(repeat(file))
    keys = sorted(k for k in now.keys() - FREE if now[k] != before[k])
    return [f"--{k} {before[k]} → {now[k]}" for k in keys]


def _read_mapping(file: Path) -> dict[str, Any]:
    import yaml  # JSON is YAML, too

    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{file} cannot be read: {one_line(error)}") from error
    if not isinstance(values, dict):
        raise UsageError(f"{file} should hold flags by name, such as 'epochs: 50'")
    return values


def add_engine(group, paths: str) -> None:
    group.add_argument(
        "--engine",
        choices=["local", "ray"],
        default="local",
        help=f"ray: on a Ray cluster, whose nodes must see {paths}",
    )
    group.add_argument(
        "--ray_address", default="local", help="of a running cluster; local: this machine"
    )


def add_machine(group, workers: bool = True) -> None:
    if workers:
        group.add_argument(
            "--workers", type=at_least(0), default=2, help="of a loader; train.py has two"
        )
    group.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
