"""Checkpoint + manifest → metrics per video on a split, by default test.

    python evaluate.py --checkpoint checkpoints/<run>/best.pt

Writes metrics.json and scores.csv into evaluation_<split>/ beside the checkpoint.
"""

import args

if __name__ == "__main__":
    args.evaluate_parser().parse_args()  # --help and wrong flags are answered before slow imports


import argparse
import json
from typing import Any

import numpy as np
import pandas as pd
from torch.utils.data import DataLoader
from tqdm import tqdm

import device
import errors
import metrics
from datasets import manifest, splits
from datasets.video_dataset import VideoDataset, collate
from errors import DataError
from scoring.aggregate import video_scores
from scoring.load import Detector, load_detector
from scoring.predict import predict
from scoring.verdict import verdict


def main() -> int:
    flags = args.evaluate_parser().parse_args()
    detector = load_detector(flags.checkpoint, device.choose(flags.device))
    data = manifest.read(manifest.find(flags.csv_file))
    check_same_crops(detector, data)
    if flags.split != "train":
        check_not_trained_on(detector, data.split(flags.split))
    videos = score_split(flags, detector, data)
    results = measure(videos, detector.threshold, flags.seed)
    results |= {"checkpoint": str(flags.checkpoint), "split": flags.split, "seed": flags.seed}
    output = flags.output or flags.checkpoint.parent / f"evaluation_{flags.split}"
    output.mkdir(parents=True, exist_ok=True)
    (output / "metrics.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    videos.to_csv(output / "scores.csv", index=False, lineterminator="\n")
    report(results)
    print(f"written: {output / 'metrics.json'}, {output / 'scores.csv'}")
    return 0


def check_same_crops(detector: Detector, data: manifest.Manifest) -> None:
    """Raise DataError when the manifest's crops were made otherwise than the training crops."""
    trained, found = detector.faces.to_dict(), data.faces.to_dict()
    other = [
        f"{k} {trained[k]} in training, {found[k]} here" for k in trained if trained[k] != found[k]
    ]
    if other:
        raise DataError(f"the manifest's crops were made with other settings: {', '.join(other)}")


def check_not_trained_on(detector: Detector, videos: pd.DataFrame) -> None:
    """Raise DataError when the model has seen sources of the videos that are to judge it."""
    asked = splits.fingerprints(videos["group"])
    seen = detector.trained_on.intersection(asked)
    if seen:
        raise DataError(
            f"{len(seen)} of {len(asked)} sources here were in this checkpoint's training split: "
            "the manifest was split anew since. Train again, or restore that manifest"
        )


def score_split(
    flags: argparse.Namespace, detector: Detector, data: manifest.Manifest
) -> pd.DataFrame:
    """A row per video of the split, with p_fake and verdict where it could be judged."""
    dataset = VideoDataset(data, flags.split, detector.clip, train=False)
    loader = DataLoader(dataset, flags.batch_size, num_workers=flags.workers, collate_fn=collate)
    scores = video_scores(predict(detector.model, tqdm(loader, disable=None, leave=False)))
    videos = data.split(flags.split).drop_duplicates("video_id")
    videos = videos[["video_id", "path", "label", "source", "method", "status", "detail"]].copy()
    videos["p_fake"] = videos["video_id"].map(scores)
    assert (videos["p_fake"].notna() == (videos["status"] == "ok")).all()
    videos["verdict"] = [
        verdict(row.status, None if np.isnan(row.p_fake) else row.p_fake, detector.threshold)
        for row in videos.itertuples()
    ]
    return videos


def measure(videos: pd.DataFrame, threshold: float, seed: int) -> dict[str, Any]:
    """Metrics with intervals over sources, AUC of each method against all reals, and counts."""
    judged = videos[videos["status"] == "ok"]
    labels, scores = judged["label"].to_numpy(), judged["p_fake"].to_numpy()
    real = judged["label"] == manifest.REAL
    by_method = {}
    for method in sorted(set(judged.loc[~real, "method"])):
        rows = judged[real | (judged["method"] == method)]
        by_method[method or "unknown"] = metrics.auc(
            rows["label"].to_numpy(), rows["p_fake"].to_numpy()
        )
    return {
        **metrics.video_metrics(labels, scores, threshold),
        "auc_interval": metrics.interval(
            metrics.auc, labels, scores, judged["source"].to_numpy(), seed
        ),
        "auc_by_method": by_method,
        "threshold": threshold,
        "videos": len(videos),
        "videos_judged": len(judged),
        "sources": int(judged["source"].nunique()),
        "counts": {
            manifest.CLASSES[label]: group["status"].value_counts().to_dict()
            for label, group in videos.groupby("label")
        },
    }


def report(results: dict[str, Any]) -> None:
    def number(value: float | None) -> str:
        return "n/a" if value is None else f"{value:.4f}"

    print(
        f"{results['split']} split: {results['videos_judged']} of {results['videos']} videos "
        f"judged, {results['sources']} sources, threshold {results['threshold']}"
    )
    for name in ("auc", "log_loss", "balanced_log_loss", "accuracy", "f1_real", "f1_fake"):
        print(f"  {name:<10} {number(results[name])}")
    if results["auc_interval"]:
        low, high = results["auc_interval"]
        print(f"  95 % interval of the AUC over sources: {low:.4f} to {high:.4f}")
    for method, value in results["auc_by_method"].items():
        print(f"  auc of {method}: {number(value)}")
    for label, counts in results["counts"].items():
        print(f"  {label}: " + ", ".join(f"{n} {status}" for status, n in counts.items()))


if __name__ == "__main__":
    errors.run(main)
