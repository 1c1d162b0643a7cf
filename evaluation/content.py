"""Measures a content classifier on a split: accuracy and F1 of every class, with intervals."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.errors import DataError
from common.files import replacing, write_text
from common.pages import format_measured
from common.spreadsheets import quote_table
from common.version import VERSION
from datasets import classes
from datasets.loaders import evaluation_loader
from datasets.manifest import Manifest
from datasets.video_dataset import VideoDataset
from evaluation.score_split import check_not_trained_on, check_same_crops
from scoring import content, metrics
from scoring.content import ContentClassifier

SCHEMA = 1  # of content.json; raised when a field changes its meaning


@dataclass(frozen=True)
class Pictures:
    """The pictures of a split, with what the classifier says of each."""

    table: pd.DataFrame  # video_id, class, called (a class) and the probability of every class
    labels: np.ndarray  # (N,) positions in the classes
    probabilities: np.ndarray  # (N, K)
    groups: np.ndarray  # (N,) pictures of one group are not independent


def classify(
    classifier: ContentClassifier, data: Manifest, split: str, batch_size: int, workers: int
) -> Pictures:
    """Classify the pictures of a split. Raise UsageError if the manifest has no classes, DataError
    if the classifier must not be measured on it: its classes are others, its crops were made
    otherwise, or a picture was trained on."""
    names = classifier.classes
    classes.names(data)
    data = classes.labelled(data, names)
    check_same_crops(classifier.faces, data)
    if split != "train":
        check_not_trained_on(classifier.trained_on, data.split(split))
    videos = data.videos(split)
    if videos.empty:
        raise DataError(f"the {split} split has no picture")
    dataset = VideoDataset(data, split, classifier.clip, train=False)
    loader = evaluation_loader(dataset, batch_size, workers, classifier.model.device)
    found = content.by_video(content.predict(classifier.model, loader))
    probabilities = np.stack([found[name] for name in videos.index])
    called = [names[number] for number in probabilities.argmax(axis=1)]
    table = pd.DataFrame({"video_id": videos.index, "class": videos["class"], "called": called})
    table[[f"p {name}" for name in names]] = probabilities.round(6)
    labels, groups = videos["label"].to_numpy(), videos["group"].to_numpy()
    return Pictures(table, labels, probabilities, groups)


def measure(pictures: Pictures, names: list[str], seed: int) -> dict[str, Any]:
    """Return the metrics of content.class_metrics with their intervals, and the confusion matrix:
    class → class that pictures of it were called → their number."""

    def of_rows(rows: np.ndarray) -> metrics.Metrics:
        return content.class_metrics(pictures.labels[rows], pictures.probabilities[rows], names)

    values = of_rows(np.arange(len(pictures.labels)))
    intervals = metrics.intervals(of_rows, pictures.groups, seed)
    called = pictures.probabilities.argmax(axis=1)
    confusion = {
        name: {
            other: int(((pictures.labels == row) & (called == column)).sum())
            for column, other in enumerate(names)
        }
        for row, name in enumerate(names)
    }
    return {
        "pictures": len(pictures.labels),
        "metrics": {k: {"value": values[k], "interval": intervals[k]} for k in values},
        "confusion": confusion,
    }


def write(folder: Path, pictures: Pictures, result: dict[str, Any], about: dict[str, str]) -> None:
    """Write content.csv, a row for every picture, and content.json to `folder`."""
    with replacing(folder / "content.csv") as partial:
        quote_table(pictures.table).to_csv(partial, index=False, lineterminator="\n")
    document = {"schema": SCHEMA, "version": VERSION, **about, **result}
    write_text(folder / "content.json", json.dumps(document, indent=2) + "\n")


def describe(result: dict[str, Any]) -> str:
    """Return the metrics and the confusion matrix as text."""
    lines = [f"{result['pictures']} pictures"]
    lines += [f"  {name:<24} {format_measured(v)}" for name, v in result["metrics"].items()]
    return "\n".join([*lines, "", str(pd.DataFrame(result["confusion"]).T), "(rows: true class)"])
