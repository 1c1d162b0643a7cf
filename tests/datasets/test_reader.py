"""One set of worker processes reads training and validation, ahead of their use."""

import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import pandas as pd
import pytest
import torch

from common.errors import DataError
from common.preprocessing import ClipConfig
from datasets import manifest
from datasets.device_batches import DeviceBatches
from datasets.loaders import ClipLoader, Reader, evaluation_loader
from datasets.samplers import Batches, EpochSampler, FixedBatches
from datasets.transforms import Normalise
from datasets.video_dataset import VideoDataset, collate
from tests.helpers.crop_sets import write_crop_set

CPU = torch.device("cpu")
CLIP = ClipConfig(clip_frames=2, crop_size=32)


class Recording(VideoDataset):
    """A dataset that writes what is read, and by which process, to a file."""

    log: Path

    def _load(self, row: pd.Series, start: int) -> torch.Tensor:
        threads = torch.get_num_threads(), cv2.getNumThreads()
        with self.log.open("a") as file:
            file.write(f"{self.train} {self.epoch} {os.getpid()} {threads}\n")
        return super()._load(row, start)


@pytest.fixture
def data(tmp_path: Path) -> manifest.Manifest:
    return manifest.read(write_crop_set(tmp_path, {"train": 3, "val": 2}, fakes_each=1, frames=3))


def make_loaders(
    data: manifest.Manifest, workers: int, epochs: int = 3
) -> tuple[ClipLoader, ClipLoader]:
    Recording.log = data.folder / "log"
    train = Recording(data, "train", CLIP, train=True)
    val = Recording(data, "val", CLIP, train=False)
    reader = Reader(workers, epochs=epochs)
    sampler = EpochSampler(train.labels, train.sources, "none", seed=0)
    return (
        ClipLoader(train, Batches(sampler, 2), reader, CPU),
        ClipLoader(val, FixedBatches(range(len(val)), 2), reader, CPU),
    )


def read(data: manifest.Manifest) -> list[list[str]]:
    """Return the lines of the log as words."""
    return [line.split(maxsplit=3) for line in Recording.log.read_text().splitlines()]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
def test_the_next_epoch_is_read_while_validation_is_used(data: manifest.Manifest) -> None:
    train, val = make_loaders(data, workers=2)
    list(train.epoch(0))
    list(val.epoch(0))
    wait_for(lambda: ["True", "1"] in [line[:2] for line in read(data)])
    before = {line[2] for line in read(data)}
    list(train.epoch(1))
    list(val.epoch(1))
    list(train.epoch(2))
    assert {line[2] for line in read(data)} == before, "the same processes read all of it"
    assert len(before) <= 2
    del train, val
    assert not multiprocessing.active_children(), "they end when nothing needs them"
    assert {line[3] for line in read(data)} == {"(1, 1)"}, "a worker has one thread"


@pytest.mark.slow
def test_workers_read_the_batches_that_the_main_process_reads(data: manifest.Manifest) -> None:
    alone, helped = (make_loaders(data, workers) for workers in (0, 2))
    for epoch in range(2):
        for loaders in zip(alone, helped, strict=True):
            batches = [list(loader.epoch(epoch)) for loader in loaders]
            for one, other in zip(*batches, strict=True):
                assert one["video_ids"] == other["video_ids"]
                assert torch.equal(one["clips"], other["clips"])


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_parts_can_be_used_in_any_order(data: manifest.Manifest, workers: int) -> None:
    train, val = make_loaders(data, workers)
    expected = {epoch: list(make_loaders(data, 0)[0].epoch(epoch)) for epoch in (0, 1)}
    next(train.epoch(0))
    names = [name for batch in val for name in batch["video_ids"]]
    assert names == [val.dataset[i]["video_id"] for i in range(len(val.dataset))]
    for epoch, skip in ((1, 0), (0, 2), (1, 4), (0, 0)):
        batches = list(train.epoch(epoch, skip))
        assert len(batches) == 3 - skip // 2
        for one, other in zip(batches, expected[epoch][skip // 2 :], strict=True):
            assert torch.equal(one["clips"], other["clips"])


def test_after_the_last_epoch_nothing_is_read(data: manifest.Manifest) -> None:
    train, val = make_loaders(data, workers=0, epochs=2)
    for epoch in range(2):
        list(train.epoch(epoch))
        list(val.epoch(epoch))
    assert train.reader._stream is not None
    assert list(train.reader._stream) == []


def test_a_part_that_ends_with_its_last_batch_is_followed_by_the_next(
    data: manifest.Manifest,
) -> None:
    """A caller that counts does not ask for the end of the batches."""
    train, val = make_loaders(data, workers=0)
    batches = train.epoch(0)
    for _ in range(len(train)):
        next(batches)
    stream = train.reader._stream
    list(val.epoch(0))
    assert train.reader._stream is stream


def test_an_unreadable_evaluation_clip_is_an_error(data: manifest.Manifest) -> None:
    dataset = VideoDataset(data, "val", CLIP, train=False)
    next((data.folder / dataset.rows["crops"].iloc[0]).glob("*.jpg")).write_bytes(b"no image")
    with pytest.raises(DataError, match="is not a JPEG"):
        list(evaluation_loader(dataset, 2, 0, CPU))


def test_pixels_are_normalised_and_padding_is_zero(data: manifest.Manifest) -> None:
    dataset = VideoDataset(data, "val", ClipConfig(clip_frames=3, crop_size=32), train=False)
    items = [dataset[0], dataset[1]]
    items[1]["clip"] = items[1]["clip"][:1]
    batch = DeviceBatches(dataset.config, CPU)(collate(items))
    assert batch["mask"].tolist() == [[True] * 3, [True, False, False]]
    for clip, mask, item in zip(batch["clips"], batch["mask"], items, strict=True):
        assert item["clip"].dtype == torch.uint8
        assert torch.equal(clip[mask], Normalise(dataset.config)(item["clip"]))
        assert not clip[~mask].any()
