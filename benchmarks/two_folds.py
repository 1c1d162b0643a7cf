"""Verdicts on real clips by detectors whose training did not contain their sources.

    python -m benchmarks.two_folds FFPP DFDC

FFPP and DFDC are folders in the layouts of FaceForensics++ and of the challenge. The groups of
sources in FFPP are divided into two folds. A detector is trained on each fold, without and with
--sbi and without pretrained weights, and judges the other fold and all of DFDC.

A few sources are too few for a validation split, so validation is a single real of training. With
one class the detector is not calibrated: only scores below 0.2 and from 0.8 get a verdict. The last
epoch's checkpoint is used. Complete trainings in --output are used again.
"""

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from benchmarks.shared import new_parser
from common import errors
from common.errors import DataError
from common.spreadsheets import unquote_table
from datasets import layouts, manifest
from demo.run import run_stage
from flags.shared import add_precision
from flags.types import at_least
from inference import score_output
from scoring import metrics

# Batches contain more than one source, which batch norm needs.
TRAIN = (
    "train.py --model_name resnet18 --pretrained False --temporal none --clip_frames 4 "
    "--crop_size 112 --balance none --class_weights balanced --batch_size 12 --workers 0 "
    "--keep_checkpoints 1"
)
SBI_SHARES = (0.0, 0.5)


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("ffpp", type=Path, help="folder of FaceForensics++")
    parser.add_argument("dfdc", type=Path, help="folder of the DeepFake Detection Challenge")
    parser.add_argument("--epochs", type=at_least(1), default=100, help="epochs of each training")
    add_precision(parser, "auto")
    parser.add_argument("--seed", type=at_least(0), default=0, help="seed of training")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("data/two_folds"),
        help="folder of data and runs; complete runs in it are used again",
    )
    flags = parser.parse_args()
    data = preprocess(flags.ffpp, flags.output)
    clips = list_clips(data, flags.ffpp, flags.dfdc)
    for sbi in SBI_SHARES:
        tables = []
        for fold in (1, 2):
            csv_file = write_fold(fold, data, clips, flags.output)
            checkpoint = train(csv_file, sbi, flags)
            unseen = clips[clips["fold"] != fold]
            tables.append(judge(unseen, checkpoint).assign(detector=f"fold {fold}"))
        for line in report(pd.concat(tables), sbi, flags.seed):
            print(line)
    return 0


def preprocess(ffpp: Path, output: Path) -> manifest.Manifest:
    """Run preprocess_dfdc.py on all clips and return the manifest."""
    command = ["preprocess_dfdc.py", "--layout", "ffpp", "--input", str(ffpp)]
    all_in_training = ["--undersample", "False", "--val_share", "0", "--test_share", "0"]
    run_stage("preprocess", [*command, *all_in_training, "--output", str(output)])
    return manifest.read(output / "videos_df.csv")


def list_clips(data: manifest.Manifest, ffpp: Path, dfdc: Path) -> pd.DataFrame:
    """Return every clip's file (`video`), label, group, kind, and the fold that trains on it (0:
    none). Raise DataError if the clips cannot be divided."""
    known = data.table[data.table["status"] == "ok"].drop_duplicates("video_id")
    groups = sorted(set(known["group"]))
    if len(groups) < 2:
        raise DataError(f"{ffpp}: fakes connect all of its sources, so they cannot be divided")
    folds = {group: 1 + number % 2 for number, group in enumerate(groups)}
    known = known.assign(fold=known["group"].map(folds), kind=known["method"].replace("", "REAL"))
    others = layouts.read("dfdc", dfdc)
    others = others[others["status"] == ""]
    kinds = [f"DFDC {manifest.CLASSES[label]}" for label in others["label"]]
    others = others.assign(fold=0, kind=kinds)
    clips = pd.concat(
        table.assign(video=[str(folder / path) for path in table["path"]])
        for table, folder in ((known, ffpp), (others, dfdc))
    )
    return clips[["video", "label", "group", "kind", "fold"]]


def write_fold(fold: int, data: manifest.Manifest, clips: pd.DataFrame, output: Path) -> Path:
    """Write the manifest of a fold's clips, with one real again for validation. Return its path."""
    path = output / f"fold_{fold}.csv"
    groups = set(clips.loc[clips["fold"] == fold, "group"])
    table = data.table[data.table["group"].isin(groups) & (data.table["status"] == "ok")]
    reals = table[table["label"] == manifest.REAL]
    validation = reals.head(1).assign(split="val", video_id="again")
    manifest.write(path, pd.concat([table.assign(split="train"), validation]))
    manifest.write_record(path, manifest.read_record(output / "videos_df.csv"))
    return path


def train(csv_file: Path, sbi: float, flags: argparse.Namespace) -> Path:
    """Train on a fold's manifest unless that is done, and return the last epoch's checkpoint."""
    folder = flags.output / f"{csv_file.stem}_sbi_{sbi:g}_seed_{flags.seed}"
    checkpoint = folder / f"epoch_{flags.epochs:03d}.pt"
    if not checkpoint.exists():
        shutil.rmtree(folder, ignore_errors=True)  # an interrupted run
        files = ["--csv_file", str(csv_file), "--checkpoints", str(flags.output)]
        run = ["--run_name", folder.name, "--seed", str(flags.seed), "--sbi", str(sbi)]
        length = ["--epochs", str(flags.epochs), "--precision", flags.precision]
        run_stage("train", [*TRAIN.split(), *files, *run, *length])
    return checkpoint


def judge(clips: pd.DataFrame, checkpoint: Path) -> pd.DataFrame:
    """Run score.py on `clips` and return them with `verdict` and `p_fake`."""
    folder = checkpoint.parent
    files = ["--checkpoint", str(checkpoint), "--output", str(folder)]
    run_stage("score", ["score.py", *clips["video"], *files])
    scores = unquote_table(pd.read_csv(score_output.csv_path(folder)))
    return clips.merge(scores[["video", "verdict", "p_fake"]], on="video")


def report(judged: pd.DataFrame, sbi: float, seed: int) -> Iterator[str]:
    """Yield every clip's verdicts by both detectors, how many clips of every kind have the verdict
    fake, and the AUCs on FaceForensics++."""
    cells = [f"{v} {p:.3f}" for v, p in zip(judged["verdict"], judged["p_fake"], strict=True)]
    columns = ["kind", "video", "detector"]
    by_clip = judged.assign(cell=cells).set_index(columns)["cell"].unstack()
    yield f"\n--sbi {sbi:g}, seed {seed}: verdict and p_fake by the detector of each fold"
    yield by_clip.fillna("trained on it").to_string()
    is_fake = judged.assign(fake=judged["verdict"] == "fake").groupby(["kind", "detector"])["fake"]
    counts = is_fake.agg(lambda fake: f"{fake.sum()} of {len(fake)}").unstack()
    yield f"\nverdict fake\n{counts.to_string()}"
    for name, clips in judged[judged["fold"] != 0].groupby("detector"):
        auc = metrics.auc(clips["label"].to_numpy(), clips["p_fake"].to_numpy())
        groups = clips["group"].nunique()
        text = "none" if auc is None else f"{auc:.3f}"
        yield f"{name}: AUC {text} on {len(clips)} clips, {groups} group(s) of sources"


if __name__ == "__main__":
    errors.run(main)
