"""The data of a run, what it learns from them, and the checkpoints that say so."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from common.checkpointing import Checkpoint
from common.preprocessing import ClipConfig
from datasets import splits
from datasets.manifest import Manifest
from models import ModelConfig
from training import collections, tasks
from training.options import ManifestOptions
from training.tasks import Task


@dataclass(frozen=True)
class RunData:
    """The manifest of a run, with the task on it."""

    task: Task
    num_classes: int  # outputs of the model
    fingerprint: dict[str, Any]
    shares: dict[str, float]  # of each collection; empty: each is drawn whole

    @property
    def manifest(self) -> Manifest:
        """The manifest, whose labels are those that the task learns."""
        return self.task.data

    def checkpoint_maker(
        self, config: ModelConfig, clip: ClipConfig, earlier: Checkpoint | None = None
    ) -> Callable[..., Checkpoint]:
        """Return a function that makes a Checkpoint from `weights`, `epoch`, `metrics` and
        `judgement`, all other fields being those of this run. `earlier` is the checkpoint that it
        continues."""
        trained_on = set(splits.fingerprints(self.manifest.split("train")["group"]))
        if earlier:  # it may have been trained on others
            trained_on |= set(earlier.trained_on)
        return partial(
            Checkpoint,
            model=config.to_dict(),
            faces=self.manifest.faces,
            clip=clip,
            classes=self.task.classes,
            trained_on=sorted(trained_on),
            data=self.fingerprint,
            familiar=self.task.training_range(),
        )


def read(options: ManifestOptions, task: str, num_classes: int) -> RunData:
    """Return the data for the task of this name; a detector's model has `num_classes` outputs.

    Raise UsageError if --shares or --judge_faces do not fit the manifests, or the task does not;
    DataError if a manifest is invalid or does not fit the others."""
    data, fingerprint = collections.read(options)
    made, outputs = tasks.make(task, data, num_classes)
    return RunData(made, outputs, fingerprint, collections.shares(options, data))
