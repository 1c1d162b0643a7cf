"""The flags of train.py about learning: epochs, mixing, loss, optimizer."""

import argparse

from flags.types import at_least, between, names, seeds


def add_training(group: argparse._ArgumentGroup) -> None:
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
        "--model_names",
        type=names,
        metavar="NAME,NAME",
        help="train one run for each of these encoders, named RUN_NAME_NAME, with the same flags "
        "otherwise, and print a table of their best epochs; needs --run_name",
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


def add_regularisation(group: argparse._ArgumentGroup) -> None:
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


def add_optimization(group: argparse._ArgumentGroup) -> None:
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
