"""A split of a manifest, judged: what evaluate.py measures, and what calibration is fitted on."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from common import checkpointing, crop_files
from common.errors import DataError
from datasets import manifest, splits
from datasets.video_dataset import VideoDataset, collate
from evaluation import video_traits
from scoring.aggregate import AGGREGATIONS, FIRST, all_scores
from scoring.calibrate import Rule, of_scores
from scoring.decision_rule import Judgement
from scoring.detector import Detector
from scoring.predict import check_numbers, predict, predict_track

# What is added to a manifest's columns; its own of these names give way.
ADDED = {
    *video_traits.NUMERIC,
    *AGGREGATIONS,
    "score",
    "p_fake",
    "verdict",
    "checkpoint",
    "csv_file",
}
OF_FRAMES = ("video_id", "label", "source", "group", "track")
OF_TRACKS = {"track", "crops", "frames"}  # not of videos


def score(
    detector: Detector,
    data: manifest.Manifest,
    split: str,
    seen: pd.DataFrame,
    batch_size: int,
    workers: int,
) -> pd.DataFrame:
    """A row per video of the split: the manifest's, its traits, which are `seen`, and its score by
    every aggregation, which is NaN where there was no face. Raise DataError when the manifest's
    crops were made otherwise than those of training, or when training has seen sources of the
    split."""
    check(detector, data, split)
    videos = data.split(split).drop_duplicates("video_id").set_index("video_id", drop=False)
    videos = videos.drop(columns=[c for c in videos if c in ADDED | OF_TRACKS])
    videos = videos.join(seen).join(_scores(detector, data, split, batch_size, workers))
    assert (videos[FIRST].notna() == (videos["status"] == "ok")).all()
    return videos.reset_index(drop=True)


def frames(
    detector: Detector, data: manifest.Manifest, split: str, batch_size: int
) -> pd.DataFrame:
    """A row per crop of the split: `video_id`, `label`, `source`, `group`, `track`, `frame` (its
    place among the track's crops), and its `score`, the mean of all clips that hold it."""
    tables = []
    for _, row in tqdm(list(data.tracks(split).iterrows()), disable=None, leave=False):
        jpegs = crop_files.read(data.folder, row["crops"], row["frames"])
        scores = predict_track(detector.model, jpegs, detector.clip, batch_size).frames
        of_track = {name: row[name] for name in OF_FRAMES}
        tables.append(pd.DataFrame({**of_track, "frame": range(len(scores)), "score": scores}))
    return pd.concat(tables, ignore_index=True)


def score_changed(
    videos: pd.DataFrame,
    change: Callable[[torch.Tensor], torch.Tensor],
    detector: Detector,
    data: manifest.Manifest,
    split: str,
    batch_size: int,
    workers: int,
) -> pd.DataFrame:
    """`videos` as `score` gives them, with the scores of changed clips: see VideoDataset."""
    scores = _scores(detector, data, split, batch_size, workers, change)
    return videos.assign(**{name: videos["video_id"].map(scores[name]) for name in scores})


def _scores(
    detector: Detector,
    data: manifest.Manifest,
    split: str,
    batch_size: int,
    workers: int,
    change: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> pd.DataFrame:
    """By video_id, a column for every aggregation."""
    dataset = VideoDataset(data, split, detector.clip, train=False, change=change)
    loader = DataLoader(dataset, batch_size, num_workers=workers, collate_fn=collate)
    scores = predict(detector.model, tqdm(loader, disable=None, leave=False))
    check_numbers(score.p_fake for score in scores)
    return all_scores(scores)


def judge(videos: pd.DataFrame, judgement: Judgement) -> pd.DataFrame:
    """With score, p_fake and verdict."""
    return _with_verdicts(videos.assign(score=videos[judgement.aggregation]), judgement)


def judge_frames(frames: pd.DataFrame, judgement: Judgement) -> pd.DataFrame:
    """With p_fake and verdict, as if each were a video."""
    return _with_verdicts(frames.assign(status="ok"), judgement).drop(columns="status")


def _with_verdicts(rows: pd.DataFrame, judgement: Judgement) -> pd.DataFrame:
    scores = rows["score"].to_numpy()
    verdicts = [
        judgement.verdict(status, None if np.isnan(score) else score)
        for status, score in zip(rows["status"], scores, strict=True)
    ]
    return rows.assign(p_fake=judgement.p_fake(scores), verdict=verdicts)


def calibrate_checkpoint(
    path: Path,
    detector: Detector,
    data: manifest.Manifest,
    rules: Sequence[Rule],
    aggregations: Sequence[str],
    batch_size: int,
    workers: int,
) -> Judgement:
    """Fit a judgement by one of `rules` and of `aggregations` on the validation split, and store it
    in the checkpoint at `path`, which `detector` was loaded from. Raise TooFew when there are too
    few videos."""
    check(detector, data, "val")
    scores = _scores(detector, data, "val", batch_size, workers)
    videos = data.tracks("val").drop_duplicates("video_id").set_index("video_id")
    chosen = scores[list(aggregations)]
    judgement = of_scores(chosen, videos["label"], videos["group"], rules)
    if detector.model.judges_in != torch.float32:
        name = str(detector.model.judges_in).removeprefix("torch.")
        judgement = replace(judgement, fitted=f"{judgement.fitted}; in {name}")
    checkpointing.store_judgement(path, judgement.to_dict())
    return judgement


def check(detector: Detector, data: manifest.Manifest, split: str) -> None:
    """Raise DataError when the manifest's crops were made otherwise than those of training, or when
    training has seen sources of the split."""
    _check_same_crops(detector, data)
    if split != "train":
        _check_not_trained_on(detector, data.split(split))


def _check_same_crops(detector: Detector, data: manifest.Manifest) -> None:
    trained, found = detector.faces.to_dict(), data.faces.to_dict()
    other = [
        f"{k} {trained[k]} in training, {found[k]} here" for k in trained if trained[k] != found[k]
    ]
    if other:
        raise DataError(f"the manifest's crops were made with other settings: {', '.join(other)}")


def _check_not_trained_on(detector: Detector, videos: pd.DataFrame) -> None:
    asked = sorted(set(videos["group"]))
    seen = [name for name in asked if detector.trained_on.intersection(splits.fingerprints([name]))]
    if seen:
        raise DataError(
            f"{len(seen)} of {len(asked)} sources here were in this checkpoint's training split, "
            f"first {seen[0]!r}: the manifest was split anew since (train again, or restore that "
            "manifest), or its sources are called as those of another data set (rename them)"
        )
