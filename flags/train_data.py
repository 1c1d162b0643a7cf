"""The flags of train.py about data and model."""

import argparse
from pathlib import Path

from common.preprocessing import ClipConfig
from flags.types import at_least, augmentation, between, freeze, replay, str2bool

CLIPS = ClipConfig()


def add_data(group: argparse._ArgumentGroup) -> None:
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
        "--replay",
        type=replay,
        nargs="+",
        default=[],
        metavar="MANIFEST:SHARE",
        help="with --init_from: manifests that the detector was trained on before, and the share "
        "of an epoch that each gets, such as old.csv:0.3; the manifests in --csv_file share the "
        "rest",
    )
    group.add_argument(
        "--judge_faces",
        metavar="MANIFEST",
        help="with several manifests whose crops differ in margin, size or JPEG quality: the one "
        "whose settings the checkpoint uses to judge videos",
    )
    group.add_argument(
        "--task",
        choices=["detector", "content"],
        default="detector",
        help="detector: tell fakes from reals; content: tell apart the classes of a manifest of "
        "--layout classes, such as animals, faces and vehicles, of any number",
    )
    group.add_argument(
        "--dataset",
        default="video",
        help="dataset that reads the manifest, one of those in datasets/__init__.py. video: clips; "
        "image: the same with --clip_frames 1 and --temporal none, unless these are given",
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
        type=augmentation,
        default="mild",
        metavar="none|mild|strong|FILE.yaml",
        help="augmentation of training clips, the same for all frames of a clip. mild: horizontal "
        "flips, cropping, colour; strong: also rotation, blur, noise, recompression, occlusion; "
        "FILE.yaml: the steps in this file (recipes/augmentation.yaml is an example)",
    )


def add_model(group: argparse._ArgumentGroup) -> None:
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
        "--head",
        default="",
        metavar="LAYERS",
        help="layers between the encoder and the temporal head, separated by commas: a number of "
        "outputs (a linear layer with a ReLU), batch_norm, dropout:P; with flatten as the first, "
        "they read the encoder's feature map instead of its mean, such as flatten,2048,2048 "
        "(default: a linear layer with --embed_dim outputs and layer norm)",
    )
    group.add_argument(
        "--dropout", type=between(0, 0.95), default=0.3, help="dropout rate before the classifier"
    )
    group.add_argument(
        "--num_classes",
        type=at_least(2),
        default=2,
        help="outputs of the model: 0 is REAL, all others count as FAKE; with --task content, it "
        "is always the number of classes in the manifest",
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
        "--init_from",
        type=Path,
        metavar="NAME|FILE",
        help="train this detector further, a checkpoint or one that ships (python -m detectors "
        "lists them): all its weights and the settings of its model",
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
