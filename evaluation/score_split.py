"""Scores and judges a split of a manifest, for evaluate.py and for calibration."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import methodcaller
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from common import checkpointing, crop_files, preprocessing
from common.errors import DataError
from common.preprocessing import FaceConfig
from datasets import splits
from datasets.loaders import evaluation_loader
from datasets.manifest import Manifest
from datasets.video_dataset import VideoDataset
from evaluation import robustness, video_traits
from scoring.aggregate import AGGREGATIONS, DEFAULT, all_scores
from scoring.calibrate import ErrorTarget, fit_decision_rule
from scoring.decision_rule import DecisionRule
from scoring.detector import Detector
from scoring.predict import check_finite, predict, predict_track

# Columns that are added to those of a manifest; columns of the manifest with these names are
# dropped.
ADDED_COLUMNS = {
    *video_traits.NUMERIC,
    *AGGREGATIONS,
    *("outside", "score", "p_fake", "verdict", "checkpoint", "csv_file"),
}
FRAME_COLUMNS = ("video_id", "label", "source", "group", "track")
TRACK_COLUMNS = {"track", "crops", "frames"}  # describe a track, not a video: dropped


@dataclass(frozen=True)
class SplitScorer:
    """A detector and one split of a manifest, which it scores."""

    detector: Detector
    data: Manifest
    split: str
    batch_size: int  # clips per forward pass
    workers: int  # loader processes

    def score(self, traits: pd.DataFrame) -> pd.DataFrame:
        """Return one row per video of the split: the manifest's columns, `traits` (indexed by
        video_id), whether it is `outside` the training range, and one score per aggregation, NaN if
        the video has no face. Raise DataError if the detector must not be measured on this split
        (see `check`)."""
        self.check()
        videos = self.data.split(self.split).drop_duplicates("video_id")
        videos = videos.set_index("video_id", drop=False)
        videos = videos.drop(columns=[c for c in videos if c in ADDED_COLUMNS | TRACK_COLUMNS])
        videos = videos.join(traits).join(self._outside()).join(self.scores())
        assert (videos[DEFAULT].notna() == (videos["status"] == "ok")).all()
        return videos.reset_index(drop=True)

    def _outside(self) -> pd.Series:
        """Return whether each video of the split is outside the training range, by video_id."""
        return pd.Series(
            {
                video: self.detector.training_range.excludes(
                    rows["codec"].iloc[0],
                    rows["bits_per_pixel"].iloc[0],
                    [side for side in rows["face_px"] if side],
                )
                for video, rows in self.data.split(self.split).groupby("video_id")
            },
            name="outside",
        )

    def score_changed(
        self, videos: pd.DataFrame, change: Callable[[torch.Tensor], torch.Tensor]
    ) -> pd.DataFrame:
        """Return a copy of `videos` (a result of `score`) with new scores: those of clips to which
        `change` was applied. `change` takes and returns a clip (T, C, S, S) uint8."""
        scores = self.scores(change)
        return videos.assign(**{name: videos["video_id"].map(scores[name]) for name in scores})

    def score_frames(self) -> pd.DataFrame:
        """Return one row per crop: FRAME_COLUMNS, `frame` (index of the crop in its track) and
        `score`: the mean score of all clips that contain the crop, or the crop's own score if the
        model classifies frames alone."""
        tables = []
        for _, row in tqdm(
            list(self.data.tracks(self.split).iterrows()), disable=None, leave=False
        ):
            jpegs = crop_files.read(self.data.folder, row["crops"], row["frames"])
            model, clip = self.detector.model, self.detector.clip
            scores = predict_track(model, jpegs, clip, self.batch_size).frames
            columns = {name: row[name] for name in FRAME_COLUMNS}
            tables.append(pd.DataFrame({**columns, "frame": range(len(scores)), "score": scores}))
        return pd.concat(tables, ignore_index=True)

    def scores(self, change: Callable[[torch.Tensor], torch.Tensor] | None = None) -> pd.DataFrame:
        """Return the scores of all videos with a face, indexed by video_id, with one column per
        aggregation. If given, `change` is applied to every clip. Raise CheckpointError if a score
        is NaN."""
        dataset = VideoDataset(
            self.data, self.split, self.detector.clip, train=False, change=change
        )
        model = self.detector.model
        assert isinstance(model, nn.Module), "exported detectors only score files"
        loader = evaluation_loader(dataset, self.batch_size, self.workers, model.device)
        clips = predict(model, tqdm(loader, disable=None, leave=False))
        check_finite(clip.score for clip in clips)
        return all_scores(clips)

    def check(self) -> None:
        """Raise DataError if the manifest's crops were made with other settings than the training
        crops, or if a source of a val or test split was in the training split."""
        check_same_crops(self.detector.faces, self.data)
        if self.split != "train":
            check_not_trained_on(self.detector.trained_on, self.data.split(self.split))


def add_verdicts(videos: pd.DataFrame, rule: DecisionRule) -> pd.DataFrame:
    """Return a copy of `videos` with the columns `score` (by the rule's aggregation), `p_fake` and
    `verdict`. For a video without a face, score and p_fake are NaN and the verdict is its
    status."""
    return _with_verdicts(videos.assign(score=videos[rule.aggregation]), rule)


def add_frame_verdicts(frames: pd.DataFrame, rule: DecisionRule) -> pd.DataFrame:
    """Return a copy of `frames` with the columns `p_fake` and `verdict`: each frame is judged as if
    it were a video."""
    judged = _with_verdicts(frames.assign(status="ok", outside=False), rule)
    return judged.drop(columns=["status", "outside"])


def _with_verdicts(rows: pd.DataFrame, rule: DecisionRule) -> pd.DataFrame:
    scores = rows["score"].to_numpy()
    verdicts = [
        rule.verdict(status, None if np.isnan(score) else score, outside)
        for status, score, outside in zip(rows["status"], scores, rows["outside"], strict=True)
    ]
    return rows.assign(p_fake=rule.p_fake(scores), verdict=verdicts)


def fit_checkpoint(
    path: Path,
    scorers: Mapping[str, SplitScorer],
    target: ErrorTarget,
    aggregations: Sequence[str],
) -> DecisionRule:
    """Fit a decision rule on the validation splits of the scorers' manifests, in equal shares,
    store it in the checkpoint `path`, which must be that of the scorers' detector, and return it.
    The keys of `scorers` name the manifests.

    The rule meets `target` with the best of `aggregations` on every split and, outside the training
    range, after robustness.OUTSIDE, too. Raise TooFewVideos if there are too few sources, DataError
    as `SplitScorer.check` does for a validation split.
    """
    validation = {name: replace(scorer, split="val") for name, scorer in scorers.items()}
    for scorer in validation.values():
        scorer.check()

    def all_validation(column: Callable[[SplitScorer], pd.DataFrame]) -> pd.DataFrame:
        return pd.concat(
            column(scorer)
            .add_prefix(f"{name}/", axis="index")
            .assign(collection=name if len(scorers) > 1 else "")
            for name, scorer in validation.items()
        )

    names = list(aggregations)
    scores, *changed = (
        all_validation(methodcaller("scores", change))[names]
        for change in (None, *robustness.outside_changes())
    )
    videos = all_validation(lambda scorer: scorer.data.videos(scorer.split))
    known = videos["label"], videos["group"], videos["collection"]
    rule = fit_decision_rule(scores, *known, target, changed)
    dtype = next(iter(scorers.values())).detector.model.encoder_dtype
    if dtype != torch.float32:
        rule = replace(rule, fitted=f"{rule.fitted}; in {str(dtype).removeprefix('torch.')}")
    checkpointing.store_decision_rule(path, rule.to_dict())
    return rule


def check_same_crops(trained: FaceConfig, data: Manifest) -> None:
    """Raise DataError if the manifest's crops were made with other settings than `trained`."""
    pairs = preprocessing.differences(trained, data.faces)
    different = [f"{name} {old} in training, {new} here" for name, (old, new) in pairs.items()]
    if different:
        raise DataError(
            f"the manifest's crops were made with other settings: {', '.join(different)}; use a "
            "manifest that was made with the settings of training"
        )


def check_not_trained_on(trained_on: Container[int], videos: pd.DataFrame) -> None:
    """Raise DataError if the group of one of `videos` has a fingerprint in `trained_on`."""
    names = set(videos["group"])
    used = splits.known_names(names, trained_on)
    if used:
        raise DataError(
            f"{len(used)} of {len(names)} sources of this split were in the checkpoint's training "
            f"split, first {used[0]!r}: if the manifest was split again after training, restore "
            "the old one or train again; if different sources have the same name, rename them"
        )
