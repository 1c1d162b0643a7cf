"""The flags of train.py. Boolean flags take True or False (`--pretrained True`)."""

import argparse
from pathlib import Path

from common.errors import UsageError
from common.preprocessing import ClipConfig
from flags.shared import add_device, add_loader_workers, add_precision, new_parser
from flags.types import at_least, between, freeze, seeds, str2bool

CLIPS = ClipConfig()


def train_parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "Train a detector on a manifest. After every epoch, write a checkpoint, a row of "
        "history.csv and the\nloss curves to checkpoints/RUN/.",
        "python train.py --model_name resnet152 --epochs 50",
    )
    _add_data(parser.add_argument_group("data"))
    _add_model(parser.add_argument_group("model"))
    _add_training(parser.add_argument_group("training"))
    _add_regularisation(parser.add_argument_group("mixed and adversarial clips"))
    _add_optimization(parser.add_argument_group("loss and optimizer"))
    _add_memory(parser.add_argument_group("memory and speed"))
    _add_run(parser.add_argument_group("run"))
    return parser


def check_train_flags(flags: argparse.Namespace) -> None:
    """Raise UsageError if flags contradict each other."""
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
    if flags.seeds is not None and flags.resume is not None:
        raise UsageError(
            "--resume continues a single run: to continue the runs of --seeds, repeat their "
            "command without --resume"
        )
    if flags.seeds is not None and flags.run_name is None:
        raise UsageError(
            "--seeds needs a --run_name, so that the same command can continue its runs"
        )
    if flags.resume is not None and flags.config is not None:
        raise UsageError("--resume uses the flags stored with the run: leave out --config")


def _add_data(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--csv_file",
        nargs="+",
        default=["videos_df"],
        metavar="MANIFEST",
        help="manifest written by preprocess_dfdc.py, with or without .csv; also looked for in "
        "data/. With several manifests, metrics of validation are means over them",
    )
    group.add_argument(
        "--shares",
        type=between(1e-6, 1e6),
        nargs="+",
        default=[],
        metavar="SHARE",
        help="with several manifests: share of each in an epoch, relative to the others (default: "
        "every manifest is drawn whole)",
    )
    group.add_argument(
        "--judge_faces",
        metavar="MANIFEST",
        help="with several manifests whose crops differ in margin, size or JPEG quality: the one "
        "whose settings the checkpoint uses to judge videos",
    )
    group.add_argument(
        "--dataset",
        default="video",
        help="dataset class that reads the manifest: video (the only one in datasets/__init__.py)",
    )
    group.add_argument(
        "--clip_frames",
        type=at_least(1),
        default=CLIPS.clip_frames,
        help="number of frames in a clip, which the model classifies as a whole",
    )
    group.add_argument(
        "--crop_size",
        type=at_least(32),
        help="width and height of the model's input images, in pixels (default: the size that the "
        "encoder was designed for)",
    )
    group.add_argument(
        "--balance",
        choices=["auto", "per_epoch", "oversample", "pairs", "none"],
        default="auto",
        help="how each epoch balances real and fake clips, of which there is one per face track. "
        "per_epoch: all clips of the rarer label and equally many clips of the other label, a "
        "different selection in every epoch; oversample: all clips of the more frequent label, and "
        "clips of the rarer label repeated until there are equally many; pairs: pairs of a real "
        "and a fake clip of the same source, both in the same batch; none: every clip once; auto: "
        "per_epoch if less than 49 %% of the clips have the rarer label, otherwise none",
    )
    group.add_argument(
        "--sbi",
        type=between(0, 1),
        default=0.0,
        metavar="SHARE",
        help="share of the fake training clips that are replaced by self-blended images: a real "
        "clip blended with an altered copy of itself. Above 0, sources without fakes get one too, "
        "so that training needs no fakes",
    )
    group.add_argument(
        "--pseudo_clips",
        type=str2bool,
        default=False,
        metavar="True|False",
        help="make whole clips from tracks of a single crop, as if a camera in a hand had filmed "
        "it, so that a temporal head can be trained on pictures",
    )
    group.add_argument(
        "--augmentation",
        choices=["none", "mild", "strong"],
        default="mild",
        help="augmentation of training clips, the same for all frames of a clip. mild: horizontal "
        "flips, cropping, colour; strong: also rotation, blur, noise, recompression, occlusion",
    )


def _add_model(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--model_name",
        default="resnet152",
        help="frame encoder; python -m models lists the names",
    )
    group.add_argument(
        "--temporal",
        choices=["lstm", "gru", "transformer", "attention", "mean", "max", "none"],
        default="lstm",
        help="temporal head, which combines the features of a clip's frames; attention, mean and "
        "max ignore the order of the frames; none: classify every frame separately and average the "
        "probabilities",
    )
    group.add_argument(
        "--temporal_layers",
        type=at_least(1),
        default=1,
        help="number of layers of the lstm, gru or transformer",
    )
    group.add_argument(
        "--embed_dim",
        type=at_least(1),
        default=512,
        help="dimension of the feature vector of a frame",
    )
    group.add_argument(
        "--dropout", type=between(0, 0.95), default=0.3, help="dropout rate before the classifier"
    )
    group.add_argument(
        "--num_classes",
        type=at_least(2),
        default=2,
        help="outputs of the model: 0 is REAL, all others count as FAKE",
    )
    group.add_argument(
        "--pretrained",
        type=str2bool,
        default=True,
        metavar="True|False",
        help="initialise the encoder with ImageNet weights, downloaded if necessary",
    )
    group.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="initialise the encoder with the weights in a .pth or .safetensors file, or in a "
        "checkpoint of this project, instead of ImageNet weights",
    )
    group.add_argument(
        "--freeze",
        type=freeze,
        default="none",
        metavar="all|none|N",
        help="N: freeze the first N stages of the encoder; all: freeze the whole encoder, compute "
        "its features once and train only the layers after it, without augmentation; none: train "
        "all layers",
    )


def _add_training(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--epochs", type=at_least(1), default=50, help="number of epochs")
    group.add_argument(
        "--batch_size", type=at_least(1), default=16, help="number of clips per training step"
    )
    group.add_argument("--seed", type=at_least(0), default=0, help="random seed")
    group.add_argument(
        "--seeds",
        type=seeds,
        metavar="0,1,2",
        help="train one run for each of these seeds, named RUN_NAME_seed_SEED, and print a table "
        "of their best epochs; needs --run_name",
    )
    group.add_argument(
        "--monitor",
        choices=["val_loss", "val_auc", "val_acc"],
        default="val_loss",
        help="validation metric by which the best epoch is chosen; best.pt is its checkpoint",
    )
    group.add_argument(
        "--patience",
        type=at_least(0),
        default=0,
        metavar="EPOCHS",
        help="stop after this many epochs without an improvement in the --monitor metric; 0: train "
        "for all --epochs",
    )


def _add_regularisation(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--mix",
        choices=["none", "mixup", "cutmix"],
        default="none",
        help="mix pairs of training clips and, in the same proportion, their labels",
    )
    group.add_argument(
        "--adversarial",
        choices=["none", "fgsm", "pgd"],
        default="none",
        help="train on adversarial examples: every training clip is changed so that the loss "
        "increases. fgsm: one gradient step, 2 times the computation of normal training; pgd: 5 "
        "gradient steps, 6 times the computation",
    )
    group.add_argument(
        "--epsilon",
        type=between(0, 1),
        default=0.008,
        help="maximum change of a pixel value by --adversarial, for pixel values scaled to [0, 1]",
    )


def _add_optimization(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--optimizer",
        choices=["adamw", "adam", "sgd"],
        default="adamw",
        help="optimizer; sgd has Nesterov momentum",
    )
    group.add_argument("--lr", type=between(1e-8, 10), default=0.001, help="peak learning rate")
    group.add_argument(
        "--encoder_lr",
        type=between(1e-8, 10),
        help="peak learning rate of the encoder, if it differs from that of the other layers "
        "(default: --lr)",
    )
    group.add_argument(
        "--schedule",
        choices=["one_cycle", "cosine", "step", "plateau", "constant"],
        default="one_cycle",
        help="learning rate schedule. one_cycle: over the first 10 %% of the steps increase along "
        "a cosine, then decrease along a cosine; cosine: the same with a linear increase; step: "
        "divide by 10 after 50 %% and again after 75 %% of the steps; plateau: multiply by 0.3 "
        "after 3 epochs without a lower validation loss; constant: no change",
    )
    group.add_argument(
        "--weight_decay", type=between(0, 1), default=0.01, help="weight decay of the optimizer"
    )
    group.add_argument(
        "--max_gradient",
        type=between(0, 1e6),
        default=1.0,
        help="clip the norm of the gradient to this value; 0: no clipping",
    )
    group.add_argument(
        "--label_smoothing",
        type=between(0, 0.9),
        default=0.0,
        help="amount of label smoothing; 0: none",
    )
    group.add_argument(
        "--class_weights",
        choices=["none", "balanced"],
        default="none",
        help="class weights in the loss; balanced: every class has the same total weight",
    )
    group.add_argument(
        "--focal_gamma",
        type=between(0, 10),
        default=0.0,
        metavar="GAMMA",
        help="use the focal loss with this exponent (commonly 2); 0: cross-entropy",
    )
    group.add_argument(
        "--ema",
        type=between(0, 0.99999),
        default=0.0,
        metavar="DECAY",
        help="validate and save an exponential moving average of the weights with this decay "
        "(commonly 0.999) instead of the weights themselves; 0: no averaging",
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
