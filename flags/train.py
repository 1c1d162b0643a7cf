"""The flags of train.py. Booleans are text (`--pretrained True`)."""

import argparse
from pathlib import Path

from common.errors import UsageError
from common.preprocessing import ClipConfig
from flags.shared import add_device, add_loader_workers, add_precision, new_parser
from flags.types import at_least, between, freeze, seeds, str2bool

CLIPS = ClipConfig()


def train_parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "Train a detector on a manifest. Writes checkpoints/RUN/: a checkpoint, a row of "
        "history.csv and\nloss curves after every epoch.",
        "python train.py --model_name resnet152 --epochs 50",
    )
    _add_data(parser.add_argument_group("data"))
    _add_model(parser.add_argument_group("model"))
    _add_training(parser.add_argument_group("training"))
    _add_regularisation(parser.add_argument_group("mixed and attacked clips"))
    _add_optimization(parser.add_argument_group("loss and optimizer"))
    _add_memory(parser.add_argument_group("memory and speed"))
    _add_run(parser.add_argument_group("run"))
    return parser


def check_train_flags(flags: argparse.Namespace) -> None:
    """Raise UsageError for flags that contradict each other, before any work."""
    if flags.freeze == "all":
        without_effect = {
            "sbi": flags.sbi > 0,
            "adversarial": flags.adversarial != "none",
            "mix": flags.mix != "none",
            "grad_checkpoint": flags.grad_checkpoint,
            "encoder_lr": flags.encoder_lr is not None,
        }
        given = [f"--{name}" for name, is_given in without_effect.items() if is_given]
        if given:
            raise UsageError(
                "--freeze all trains only the head, from stored features: leave out "
                f"{', '.join(given)}"
            )
    if flags.balance == "pairs" and flags.batch_size % 2:
        raise UsageError("--balance pairs needs an even --batch_size, to hold whole pairs")
    if flags.seeds is not None and flags.resume is not None:
        raise UsageError(
            "--resume continues one run; to continue all of --seeds, repeat the same command"
        )
    if flags.seeds is not None and flags.run_name is None:
        raise UsageError("--seeds needs a --run_name, by which the same command continues")
    if flags.resume is not None and flags.config is not None:
        raise UsageError("--resume uses the run's own flags: leave out --config")


def _add_data(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--csv_file",
        default="videos_df",
        metavar="MANIFEST",
        help="manifest; also looked for with .csv appended, and in data/",
    )
    group.add_argument("--dataset", default="video", help="dataset class that reads the manifest")
    group.add_argument(
        "--clip_frames",
        type=at_least(1),
        default=CLIPS.clip_frames,
        help="number of frames in a clip",
    )
    group.add_argument(
        "--crop_size",
        type=at_least(32),
        help="side of the model's input image in pixels (default: what the encoder expects)",
    )
    group.add_argument(
        "--balance",
        choices=["auto", "per_epoch", "oversample", "pairs", "none"],
        default="auto",
        help="how an epoch balances the labels. per_epoch: all clips of the rarer label and a "
        "changing selection of the other; oversample: all clips of the more frequent label, the "
        "rarer ones repeatedly; pairs: a real and a fake of one source side by side; none: every "
        "clip once; auto: per_epoch for an unbalanced manifest, else none",
    )
    group.add_argument(
        "--sbi",
        type=between(0, 1),
        default=0.0,
        metavar="SHARE",
        help="share of the training fakes that are replaced by self-blended reals",
    )
    group.add_argument(
        "--augmentation",
        choices=["none", "mild", "strong"],
        default="mild",
        help="augmentation of training clips, the same for all frames of a clip. mild: mirroring, "
        "cropping, colour; strong: also rotation, blur, noise, recompression, hidden parts",
    )


def _add_model(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--model_name", default="resnet152", help="frame encoder (python -m models lists them)"
    )
    group.add_argument(
        "--temporal",
        choices=["lstm", "gru", "transformer", "attention", "mean", "max", "none"],
        default="lstm",
        help="temporal head over a clip's frames; attention, mean and max ignore their order; "
        "none: classify every frame alone and average the probabilities",
    )
    group.add_argument(
        "--temporal_layers",
        type=at_least(1),
        default=1,
        help="number of layers of an lstm, gru or transformer",
    )
    group.add_argument(
        "--embed_dim", type=at_least(1), default=512, help="dimension of a frame's features"
    )
    group.add_argument(
        "--dropout", type=between(0, 0.95), default=0.3, help="dropout rate before the classifier"
    )
    group.add_argument(
        "--num_classes", type=at_least(2), default=2, help="number of classes; class 0 is REAL"
    )
    group.add_argument(
        "--pretrained",
        type=str2bool,
        default=True,
        metavar="True|False",
        help="start the encoder from ImageNet weights, downloaded if necessary",
    )
    group.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="start the encoder from a local .pth or .safetensors file instead",
    )
    group.add_argument(
        "--freeze",
        type=freeze,
        default="none",
        metavar="all|none|N",
        help="freeze the encoder's first N stages; all: freeze the whole encoder, compute its "
        "features once, and train only the head on them, without augmentation",
    )


def _add_training(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--epochs", type=at_least(1), default=50, help="number of epochs")
    group.add_argument("--batch_size", type=at_least(1), default=16, help="clips per step")
    group.add_argument("--seed", type=at_least(0), default=0, help="random seed")
    group.add_argument(
        "--seeds",
        type=seeds,
        metavar="0,1,2",
        help="train one run for each of these seeds and print a table of their best epochs",
    )
    group.add_argument(
        "--monitor",
        choices=["val_loss", "val_auc", "val_acc"],
        default="val_loss",
        help="validation metric that decides which epoch is the best",
    )
    group.add_argument(
        "--patience",
        type=at_least(0),
        default=0,
        metavar="EPOCHS",
        help="stop after this many epochs without a better --monitor; 0: never",
    )


def _add_regularisation(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--mix",
        choices=["none", "mixup", "cutmix"],
        default="none",
        help="mix training clips and their labels in pairs",
    )
    group.add_argument(
        "--adversarial",
        choices=["none", "fgsm", "pgd"],
        default="none",
        help="attack every training clip so that the model errs (2 and 6 times the work)",
    )
    group.add_argument(
        "--epsilon",
        type=between(0, 1),
        default=0.008,
        help="largest change of a pixel value, in [0, 1], by --adversarial",
    )


def _add_optimization(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--optimizer", choices=["adamw", "adam", "sgd"], default="adamw", help="optimizer"
    )
    group.add_argument("--lr", type=between(1e-8, 10), default=0.001, help="peak learning rate")
    group.add_argument(
        "--encoder_lr",
        type=between(1e-8, 10),
        help="peak learning rate of the encoder (default: --lr)",
    )
    group.add_argument(
        "--schedule",
        choices=["one_cycle", "cosine", "step", "plateau", "constant"],
        default="one_cycle",
        help="learning rate over the run. step: a tenth after half of the steps and again after "
        "three quarters; plateau: times 0.3 after 3 epochs without a lower validation loss",
    )
    group.add_argument(
        "--weight_decay", type=between(0, 1), default=0.01, help="weight decay of the optimizer"
    )
    group.add_argument(
        "--max_gradient",
        type=between(0, 1e6),
        default=1.0,
        help="clip the gradient to this norm; 0: never",
    )
    group.add_argument(
        "--label_smoothing", type=between(0, 0.9), default=0.0, help="smoothing of the labels"
    )
    group.add_argument(
        "--class_weights",
        choices=["none", "balanced"],
        default="none",
        help="weights of the classes in the loss; balanced: the same total weight for each",
    )
    group.add_argument(
        "--focal_gamma",
        type=between(0, 10),
        default=0.0,
        metavar="GAMMA",
        help="use the focal loss with this exponent, commonly 2; 0: cross-entropy",
    )
    group.add_argument(
        "--ema",
        type=between(0, 0.99999),
        default=0.0,
        metavar="DECAY",
        help="validate and store a moving average of the weights with this decay, commonly "
        "0.999; 0: the weights themselves",
    )


def _add_memory(group: argparse._ArgumentGroup) -> None:
    add_device(group, "auto", "the model")
    add_precision(group, "auto")
    add_loader_workers(group)
    group.add_argument(
        "--accumulate",
        type=at_least(1),
        default=1,
        metavar="PARTS",
        help="send each batch through the model in this many parts, to save memory",
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
        help="compile the encoder with torch.compile, which takes minutes",
    )


def _add_run(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--run_name", help="name of the run's folder in --checkpoints (default: model and time)"
    )
    group.add_argument(
        "--checkpoints",
        type=Path,
        default=Path("checkpoints"),
        metavar="DIR",
        help="folder of all runs",
    )
    group.add_argument(
        "--keep_checkpoints",
        type=at_least(0),
        default=0,
        metavar="N",
        help="keep only the checkpoints of the newest N epochs; 0: keep all",
    )
    group.add_argument(
        "--log_interval",
        type=at_least(1),
        default=10,
        metavar="STEPS",
        help="steps between updates of the loss in the progress bar",
    )
    group.add_argument(
        "--save_every_steps",
        type=at_least(0),
        default=0,
        metavar="STEPS",
        help="also save last.pt every so many steps; 0: only after epochs",
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
        help="build everything, run two steps, print what the run will take; write nothing",
    )
    group.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="read flags from a YAML file or the args.json of a run; flags on the command line "
        "override it",
    )
    group.add_argument(
        "--resume",
        metavar="last|DIR",
        help="continue the run that was saved last, or the run in this folder, with its flags",
    )
    group.add_argument(
        "--force", action="store_true", help="resume although flags or data have changed"
    )
