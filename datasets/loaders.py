"""Loaders of clips: batches of one or several datasets, from one set of worker processes.

The workers read ahead in the order in which the loaders are used, such as training, validation and
the next epoch's training. The first batch of each is then ready when it begins. Pixels travel as
uint8 and are normalised on the device that computes with them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from common.errors import DataError
from common.signals import ignore_signals
from datasets.device_batches import DeviceBatches
from datasets.samplers import Batches, FixedBatches
from datasets.video_dataset import Batch, Item, LoadingError, VideoDataset, collate_loaded

# A worker that takes longer for a batch has stopped; the larger of the two applies.
SECONDS, SECONDS_PER_CLIP = 600, 20


class BatchSampler(Protocol):
    """Divides the items of a dataset into batches: samplers.Batches or samplers.FixedBatches."""

    size: int  # clips of a batch, over all processes

    def __len__(self) -> int: ...

    def sizes(self, skip: int = 0) -> list[int]: ...

    def epoch(self, number: int, skip: int = 0) -> list[list[int]]: ...


@dataclass(frozen=True)
class Part:
    """One pass over a loader's batches."""

    loader: int
    epoch: int = 0
    skip: int = 0  # clips of the epoch that are left out, over all processes


@dataclass(frozen=True)
class Request:
    """One batch for a worker to read."""

    loader: int
    epoch: int
    indices: list[int]


class Reader:
    """The worker processes that read the batches of its loaders, which must be used in the order in
    which they were made, once an epoch. Any other use starts new worker processes."""

    def __init__(self, workers: int = 0, pin_memory: bool = False, epochs: int = 1) -> None:
        """With 0 `workers`, batches are read in the main process. `epochs` is the number of epochs,
        after which nothing is read ahead."""
        self.workers, self.pin_memory = workers, pin_memory
        self.order = Order(epochs)
        self.datasets = Datasets()
        self._stream: Iterator[Batch | LoadingError] | None = None
        self._position: Part | None = None  # what the stream yields next; None: within a part

    def add(self, dataset: VideoDataset, batches: BatchSampler) -> int:
        """Add a loader's dataset and batches, and return the loader's number."""
        self.datasets.datasets.append(dataset)
        self.order.samplers.append(batches)
        return len(self.order.samplers) - 1

    def read(self, part: Part) -> Iterator[Batch | LoadingError]:
        """Yield the batches of a part."""
        if self._stream is None or part != self._position:
            self._stream = None  # ends the worker processes before others start
            self._stream = iter(self._loader(part))
        count = len(self.order.samplers[part.loader].sizes(part.skip))
        self._position = None if count else self.order.following(part)
        for number in range(1, count + 1):
            batch = next(self._stream)
            if number == count:  # before the last batch, after which the caller may not return
                self._position = self.order.following(part)
            yield batch

    def _loader(self, start: Part) -> DataLoader:
        """Return a loader of the batches of all parts from `start` on."""
        return DataLoader(
            self.datasets,
            batch_sampler=self.order.requests(start),  # type: ignore[arg-type]
            collate_fn=collate_loaded,
            pin_memory=self.pin_memory,
            # A generator of its own: a loader draws a number when it starts, and torch's global
            # generator must draw the same numbers in a resumed run.
            generator=torch.Generator(),
            **worker_settings(self.workers, max(batches.size for batches in self.order.samplers)),
        )


class Order:
    """The order in which a Reader's loaders are used. It knows neither reader nor loaders: in a
    cycle of references, torch cannot end its worker processes."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.samplers: list[BatchSampler] = []

    def batches(self, part: Part) -> list[list[int]]:
        """Return the indices of the items of each batch of a part."""
        return self.samplers[part.loader].epoch(part.epoch, part.skip)

    def requests(self, part: Part | None) -> Iterator[Request]:
        """Yield the batches of `part` and of all parts after it."""
        while part is not None:
            for indices in self.batches(part):
                yield Request(part.loader, part.epoch, indices)
            part = self.following(part)

    def following(self, part: Part) -> Part | None:
        """Return the part after `part`; None after the last one."""
        if part.loader + 1 < len(self.samplers):
            return Part(part.loader + 1, part.epoch)
        return Part(0, part.epoch + 1) if part.epoch + 1 < self.epochs else None


class Datasets(Dataset[Any]):
    """The datasets of a Reader's loaders, in the worker processes."""

    def __init__(self) -> None:
        self.datasets: list[VideoDataset] = []

    def __getitems__(self, request: Request) -> list[Item] | LoadingError:
        """Return the items of a batch, or a LoadingError. The DataLoader calls this."""
        dataset = self.datasets[request.loader]
        dataset.set_epoch(request.epoch)
        return dataset.__getitems__(request.indices)


class ClipLoader:
    """Yields the batches of a dataset, on the device that computes with them."""

    def __init__(
        self, dataset: VideoDataset, batches: BatchSampler, reader: Reader, device: torch.device
    ) -> None:
        self.dataset, self.batches, self.reader = dataset, batches, reader
        self.to_device = DeviceBatches(dataset.config, device)
        self.number = reader.add(dataset, batches)

    def __len__(self) -> int:
        """Return the number of batches in a whole epoch."""
        return len(self.batches)

    def epoch(self, number: int = 0, skip: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch without its first `skip` clips, which were used before an
        interruption. Raise DataError if a batch could not be read."""
        for batch in self.reader.read(Part(self.number, number, skip)):
            if isinstance(batch, LoadingError):
                raise DataError(batch.message)
            yield self.to_device(batch)

    def __iter__(self) -> Iterator[Batch]:
        return self.epoch()


class TrainingLoader(ClipLoader):
    """A loader whose batches are drawn anew every epoch."""

    batches: Batches


def evaluation_loader(
    dataset: VideoDataset, batch_size: int, workers: int, device: torch.device
) -> ClipLoader:
    """Return a loader of all items of a dataset in their order, with worker processes of its
    own."""
    reader = Reader(workers, pin_memory=device.type == "cuda")
    return ClipLoader(dataset, FixedBatches(range(len(dataset)), batch_size), reader, device)


def worker_settings(workers: int, clips: int) -> dict[str, Any]:
    """Return the settings of a DataLoader that concern its worker processes, for batches of `clips`
    clips or tracks."""
    if not workers:
        return {}
    # One thread each, because the workers share the cores; torch does the same. Not in a worker: it
    # would wait for OpenCV's threads, which a fork does not copy.
    cv2.setNumThreads(1)
    return {
        "num_workers": workers,
        "worker_init_fn": ignore_signals,
        "timeout": max(SECONDS, SECONDS_PER_CLIP * clips),
    }
