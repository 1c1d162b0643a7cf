"""Verdicts on real clips by detectors that have not seen their sources.

    python -m benchmarks.two_folds FFPP DFDC

FFPP and DFDC are folders in the layouts of FaceForensics++ and of the challenge. FFPP's groups of
sources are dealt into two folds; trained on one, a detector judges the other and all of DFDC. Once
without and once with --sbi; no pretrained weights are needed.

Few sources leave none for validation: a real of training stands there once more, and decides
nothing. With one label neither calibration nor threshold is fitted (fake is a p_fake from 0.5 on),
and the last epoch's checkpoint judges. What is trained in --output is not trained again.
"""

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from common import errors
from common.errors import DataError
from datasets import layouts, manifest
from demo.run import run_stage
from flags.types import at_least
from scoring import metrics

# Batches hold more than one source, for batch norm's sake.
TRAIN = (
    "train.py --model_name resnet18 --pretrained False --temporal none --clip_frames 4 "
    "--crop_size 112 --balance none --class_weights balanced --batch_size 12 --workers 0 "
    "--keep_checkpoints 1"
)
SBI = (0.0, 0.5)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("ffpp", type=Path)
    parser.add_argument("dfdc", type=Path)
    parser.add_argument("--epochs", type=at_least(1), default=100)
    parser.add_argument("--precision", default="auto", help="of training")
    parser.add_argument("--seed", type=at_least(0), default=0, help="of training")
    parser.add_argument("--output", type=Path, default=Path("data/two_folds"))
    flags = parser.parse_args()
    data = preprocess(flags.ffpp, flags.output)
    clips = listed(data, flags.ffpp, flags.dfdc)
    for share in SBI:
        judged = [judge(fold, share, data, clips, flags) for fold in (1, 2)]
        for line in report(pd.concat(judged), share, flags.seed):
            print(line)
    return 0


def preprocess(ffpp: Path, output: Path) -> manifest.Manifest:
    command = ["preprocess_dfdc.py", "--layout", "ffpp", "--input", str(ffpp)]
    whole = ["--balance", "none", "--val_share", "0", "--test_share", "0"]
    run_stage("preprocess", [*command, *whole, "--output", str(output)])
    return manifest.read(output / "videos_df.csv")


def listed(data: manifest.Manifest, ffpp: Path, dfdc: Path) -> pd.DataFrame:
    """Every clip: its file, label, group, what it is, and the fold that trains on it (0: none)."""
    known = data.table[data.table["status"] == "ok"].drop_duplicates("video_id")
    groups = sorted(set(known["group"]))
    if len(groups) < 2:
        raise DataError(f"{ffpp}: fakes connect all of its sources, so they make no two folds")
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


def judge(
    fold: int, share: float, data: manifest.Manifest, clips: pd.DataFrame, flags: argparse.Namespace
) -> pd.DataFrame:
    """Train on the fold's clips; return the others with `verdict`, `p_fake` and `judge`."""
    path = flags.output / f"fold_{fold}.csv"
    groups = set(clips.loc[clips["fold"] == fold, "group"])
    seen = data.table[data.table["group"].isin(groups) & (data.table["status"] == "ok")]
    reals = seen[seen["label"] == manifest.REAL]
    again = reals.head(1).assign(split="val", video_id="again")
    manifest.write(path, pd.concat([seen.assign(split="train"), again]))
    manifest.write_record(path, manifest.read_record(flags.output / "videos_df.csv"))
    folder = flags.output / f"fold_{fold}_sbi_{share:g}_seed_{flags.seed}"
    checkpoint = folder / f"epoch_{flags.epochs:03d}.pt"
    if not checkpoint.exists():
        shutil.rmtree(folder, ignore_errors=True)  # interrupted
        place = ["--csv_file", str(path), "--checkpoints", str(flags.output)]
        drawn = ["--run_name", folder.name, "--seed", str(flags.seed), "--sbi", str(share)]
        effort = ["--epochs", str(flags.epochs), "--precision", flags.precision]
        run_stage("train", [*TRAIN.split(), *place, *drawn, *effort])
    unseen = clips[clips["fold"] != fold]
    output = folder / "scores.csv"
    place = ["--checkpoint", str(checkpoint), "--output", str(output)]
    run_stage("score", ["score.py", *unseen["video"], *place])
    scores = pd.read_csv(output)[["video", "verdict", "p_fake"]]
    return unseen.merge(scores, on="video").assign(judge=f"fold {fold}")


def report(judged: pd.DataFrame, share: float, seed: int) -> Iterator[str]:
    """Every clip's verdicts, then how many clips of every kind were called fake, by detector."""
    said = [f"{v} {p:.3f}" for v, p in zip(judged["verdict"], judged["p_fake"], strict=True)]
    by_clip = judged.assign(said=said).set_index(["kind", "video", "judge"])["said"].unstack()
    yield f"\n--sbi {share:g}, seed {seed}: verdict and p_fake by the detector of each fold"
    yield by_clip.fillna("trained on it").to_string()
    calls = judged.assign(fake=judged["verdict"] == "fake").groupby(["kind", "judge"])["fake"]
    counts = calls.agg(lambda fake: f"{fake.sum()} of {len(fake)}").unstack()
    yield f"\ncalled fake\n{counts.to_string()}"
    for name, clips in judged[judged["fold"] != 0].groupby("judge"):
        auc = metrics.auc(clips["label"].to_numpy(), clips["p_fake"].to_numpy())
        groups = clips["group"].nunique()
        yield f"{name}: AUC {auc:.3f} on {len(clips)} clips, {groups} group(s) of sources"


if __name__ == "__main__":
    errors.run(main)
