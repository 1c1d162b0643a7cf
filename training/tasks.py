"""What a run learns: to tell fakes from reals, or classes of pictures apart."""

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from torch import nn

from datasets import classes, manifest
from datasets.manifest import Manifest
from datasets.video_dataset import Batch, VideoDataset
from scoring import calibrate, content, predict, training_range
from scoring.aggregate import ClipScore
from scoring.content import ClassScores
from training import health_checks, validation
from training.validation import Row


class Task(Protocol):
    """Scores clips, measures the scores of validation clips, and says what a checkpoint stores."""

    data: Manifest  # a row's label is its position in `classes`
    classes: list[str]

    def predict(self, model: nn.Module, batches: Iterable[Batch]) -> list[Any]:
        """Return the score of every clip of an evaluation loader's batches."""

    def measure(self, scores: list[Any], videos: VideoDataset) -> tuple[Row, Row]:
        """Return the values of validation.COLUMNS for the validation videos, and further columns of
        history.csv. Raise PipelineError if a score is not finite."""

    def fit_rule(self, scores: list[Any]) -> dict[str, Any] | None:
        """Return the decision rule that fits the validation scores, as a checkpoint stores it; None
        if there are no verdicts."""

    def training_range(self) -> dict[str, Any] | None:
        """Return the training range, as a checkpoint stores it; None if there are no verdicts."""


class Detection:
    """Tells fakes from reals."""

    def __init__(self, data: Manifest) -> None:
        self.data, self.classes = data, list(manifest.CLASSES)

    def predict(self, model: nn.Module, batches: Iterable[Batch]) -> list[ClipScore]:
        return predict.predict(model, batches)

    def measure(self, scores: list[ClipScore], videos: VideoDataset) -> tuple[Row, Row]:
        labels, collections = videos.video_labels(), videos.video_collections()
        if len(set(collections.values())) == 1:
            return validation.validation_metrics(scores, labels)
        return validation.by_collection(scores, labels, collections)

    def fit_rule(self, scores: list[ClipScore]) -> dict[str, Any]:
        videos = self.data.videos("val")
        return calibrate.fit_after_epoch(
            scores,
            labels=videos["label"],
            sources=videos["group"],
            collections=self.data.collection_of(videos),
        ).to_dict()

    def training_range(self) -> dict[str, Any]:
        return training_range.fit_training_range(self.data.tracks("train")).to_dict()


class Content:
    """Tells classes of pictures apart."""

    def __init__(self, data: Manifest) -> None:
        """Raise UsageError if `data` has no classes, DataError if a class is missing in the
        training or the validation split."""
        self.classes = classes.names(data)
        classes.check_splits(data, self.classes)
        self.data = classes.labelled(data, self.classes)

    def predict(self, model: nn.Module, batches: Iterable[Batch]) -> list[ClassScores]:
        return content.predict(model, batches)

    def measure(self, scores: list[ClassScores], videos: VideoDataset) -> tuple[Row, Row]:
        labels, found = videos.video_labels(), content.by_video(scores)
        health_checks.check_scores(value for values in found.values() for value in values)
        names = sorted(labels)
        values = content.class_metrics(
            np.array([labels[name] for name in names]),
            np.stack([found[name] for name in names]),
            self.classes,
        )
        row = {"val_loss": values["balanced_log_loss"], "val_acc": values["accuracy"]}
        f1 = {f"val_{name}": value for name, value in values.items() if name.startswith("f1 ")}
        return row | {"val_auc": None}, f1

    def fit_rule(self, scores: list[ClassScores]) -> None:
        return None

    def training_range(self) -> None:
        return None


TASKS: dict[str, type[Detection] | type[Content]] = {"detector": Detection, "content": Content}


def make(name: str, data: Manifest, num_classes: int) -> tuple[Task, int]:
    """Return the task `name` on a manifest, and the number of the model's outputs: `num_classes`
    for a detector. Raise UsageError or DataError if the task does not fit the manifest."""
    task = TASKS[name](data)
    return task, num_classes if name == "detector" else len(task.classes)
