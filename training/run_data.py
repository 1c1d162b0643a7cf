"""The manifest and the task of a run, and the fields of its checkpoints that depend on them."""

from collections.abc import Callable, Iterable
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
    """Manifest, task, fingerprint and shares of a run."""

    task: Task
    num_classes: int  # outputs of the model
    fingerprint: dict[str, Any]  # of the manifests, as checkpoints store it
    shares: dict[str, float]  # of each collection; empty: each is drawn whole

    @property
    def manifest(self) -> Manifest:
        """The manifest, whose labels are those that the task learns."""
        return self.task.data

    def checkpoint_maker(
        self, config: ModelConfig, clip: ClipConfig, known: Iterable[int] = ()
    ) -> Callable[..., Checkpoint]:
        """Return a function that makes a Checkpoint from `weights`, `epoch`, `metrics` and
        `judgement`, all other fields being those of this run. `known` are the fingerprints of
        the sources of the checkpoint that the run continues or starts from."""
        trained_on = {*known, *splits.fingerprints(self.manifest.split("train")["group"])}
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
    """Return the data for the task of this name. A detector has `num_classes` outputs, a content
    classifier one for each class.

    Raise UsageError if --shares, --judge_faces or the task do not fit the manifests, DataError if
    a manifest is invalid or does not fit the others."""
    data, fingerprint = collections.read(options)
    made, outputs = tasks.make(task, data, num_classes)
    return RunData(made, outputs, fingerprint, collections.shares(options, data))
