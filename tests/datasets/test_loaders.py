"""A worker process that dies, stops or lacks shared memory ends a command with one clear line."""

import gc
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from torch.utils.data._utils import signal_handling

from common.errors import PipelineError
from common.preprocessing import ClipConfig
from datasets import feature_store, loaders, manifest, shared_memory
from datasets.loaders import evaluation_loader
from datasets.shared_memory import explained_loader_errors
from datasets.video_dataset import VideoDataset, collate_loaded
from tests.helpers.crop_sets import write_crop_set


@pytest.fixture(autouse=True)
def torch_watches_workers_again() -> Iterator[None]:
    """Let the next loader install torch's signal handler, which an error has removed."""
    yield
    gc.collect()  # the loader, and with it torch's list of its workers
    signal_handling._SIGCHLD_handler_set = False


class Failing(VideoDataset):
    """A dataset whose second item fails in a way that Python cannot catch."""

    failure = "none"

    def _load(self, row: pd.Series, start: int) -> torch.Tensor:
        if row["video_id"].endswith("fake1.mp4") and self.failure == "death":
            os.kill(os.getpid(), signal.SIGBUS)
        if row["video_id"].endswith("fake1.mp4") and self.failure == "silence":
            time.sleep(600)
        return super()._load(row, start)


@pytest.fixture
def dataset(tmp_path: Path) -> Failing:
    data = manifest.read(write_crop_set(tmp_path, {"val": 1}, fakes_each=3, frames=3))
    return Failing(data, "val", ClipConfig(clip_frames=2, crop_size=32), train=False)


def read(dataset: Failing, workers: int) -> list[str]:
    with explained_loader_errors():
        loader = evaluation_loader(dataset, 1, workers, torch.device("cpu"))
        return [name for batch in loader for name in batch["video_ids"]]


def check_line(error: PipelineError) -> None:
    assert "--workers 0" in str(error)
    assert "--shm-size" in str(error)
    assert "\n" not in str(error)
    assert not multiprocessing.active_children(), "the end of the process would wait for them"


@pytest.mark.slow
def test_without_a_failure_workers_deliver_every_clip(dataset: Failing) -> None:
    assert read(dataset, 1) == read(dataset, 0) != []


@pytest.mark.slow
def test_a_worker_that_dies_is_one_line(dataset: Failing) -> None:
    dataset.failure = "death"
    with pytest.raises(PipelineError, match="a loader process failed") as caught:
        read(dataset, 1)
    check_line(caught.value)


@pytest.mark.slow
def test_a_worker_that_never_delivers_is_one_line(
    dataset: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loaders, "SECONDS", 1)
    monkeypatch.setattr(loaders, "SECONDS_PER_CLIP", 1)
    dataset.failure = "silence"
    with pytest.raises(PipelineError, match="timed out") as caught:
        read(dataset, 1)
    check_line(caught.value)


@pytest.mark.slow
def test_too_little_shared_memory_is_one_line(
    dataset: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: torch.Tensor) -> None:
        raise RuntimeError(
            "unable to allocate shared memory(shm) for file </torch_1_2_3>: No space left on device"
        )

    monkeypatch.setattr(torch.Tensor, "share_memory_", fail)
    with pytest.raises(PipelineError, match=r"No space left on device") as caught:
        read(dataset, 1)
    check_line(caught.value)


def test_only_worker_processes_need_shared_memory(
    dataset: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.Tensor, "share_memory_", lambda _: pytest.fail("shared"))
    assert read(dataset, 0)
    feature_store.collate_tracks([torch.zeros(1), None])


def test_a_worker_shares_the_tensors_of_a_batch(
    dataset: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_memory, "get_worker_info", lambda: SimpleNamespace(id=0))
    batch = collate_loaded(dataset.__getitems__([0, 1]))
    assert all(batch[name].is_shared() for name in ("clips", "mask", "labels"))
    (crops, nothing) = feature_store.collate_tracks([torch.zeros(1), None])
    assert crops.is_shared()
    assert nothing is None


@pytest.mark.parametrize(
    "error",
    [EOFError(), ConnectionResetError(), FileNotFoundError(2, "No such file or directory")],
)
def test_a_connection_to_a_worker_that_died_is_one_line(error: Exception) -> None:
    with pytest.raises(PipelineError) as caught, explained_loader_errors():
        raise error
    check_line(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error"),
        KeyError("x"),
        OSError(28, "No space left on device"),
        FileNotFoundError(2, "No such file or directory", "videos_df.csv"),
    ],
)
def test_other_errors_stay_what_they_are(error: Exception) -> None:
    with pytest.raises(type(error)), explained_loader_errors():
        raise error


def test_a_full_shared_memory_is_named_when_locks_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=0))
    monkeypatch.setattr(shared_memory, "shutil", full)
    monkeypatch.setattr(shared_memory, "FOLDER", tmp_path)
    with pytest.raises(PipelineError, match="--shm-size"), explained_loader_errors():
        raise OSError(28, "No space left on device")
