"""Frames that are searched elsewhere, in batches, give what a search in the worker gives."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Client
from pathlib import Path

import numpy as np
import pytest
import torch

from common.errors import PipelineError
from extraction import pool, store
from extraction.pool import Job
from faces.detect import FaceDetector, SearchResult
from faces.search_server import RemoteSearch, SearchServer
from tests.fixtures import FACES
from tests.helpers.preprocess_runs import extract_here

CPU = torch.device("cpu")  # stands in for a GPU: the batches are the same


def test_many_frames_at_once_are_found_as_one_by_one(
    detector: FaceDetector, heads: list[list[np.ndarray]]
) -> None:
    """Of several workers, of two sizes, with and without faces."""
    blank = np.zeros_like(heads[0][0])
    frames = [heads[0][0], blank, heads[1][0], heads[0][0][:200, :280], heads[1][3], blank]
    with SearchServer(FACES, CPU) as server, ThreadPoolExecutor(len(frames)) as workers:
        remote = [FaceDetector(FACES, RemoteSearch(server.address)) for _ in frames]
        found = list(workers.map(lambda d, frame: d.search(frame), remote, frames))
    assert [len(faces) for faces in found] == [1, 0, 1, 1, 1, 0]
    for frame, faces in zip(frames, found, strict=True):
        for face, same in zip(faces, detector.search(frame), strict=True):
            np.testing.assert_allclose(face.box, same.box, atol=1e-2)
            np.testing.assert_allclose(face.landmarks, same.landmarks, atol=1e-2)
            assert face.confidence == pytest.approx(same.confidence, abs=1e-4)


class Asker:
    """In place of a worker's connection."""

    def __init__(self) -> None:
        self.answers: list[SearchResult] = []

    def send(self, answer: SearchResult) -> None:
        self.answers.append(answer)


@pytest.fixture
def idle() -> Iterator[SearchServer]:
    """A server that is not serving yet."""
    server = SearchServer(FACES, CPU)
    yield server
    server._listener.close()


def test_what_waits_is_searched_in_one_batch(
    idle: SearchServer, heads: list[list[np.ndarray]], monkeypatch: pytest.MonkeyPatch
) -> None:
    detect, batches, asker = idle._mtcnn.detect, [], Asker()

    def counted(images: list[np.ndarray], **rest: bool):
        batches.append(len(images))
        return detect(images, **rest)

    monkeypatch.setattr(idle._mtcnn, "detect", counted)
    for frame in heads[0][:5]:
        idle._requests.put((frame, asker))
    idle._requests.put(None)
    idle._answer()
    assert batches == [5]
    assert [len(answer) for answer in asker.answers] == [3] * 5


def test_a_batch_that_does_not_fit_is_searched_in_halves(
    idle: SearchServer, heads: list[list[np.ndarray]], monkeypatch: pytest.MonkeyPatch
) -> None:
    detect, asker = idle._mtcnn.detect, Asker()

    def small(images: list[np.ndarray], **rest: bool):
        if len(images) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return detect(images, **rest)

    monkeypatch.setattr(idle._mtcnn, "detect", small)
    idle._search([(frame, asker) for frame in heads[0][:5]])
    assert [len(boxes) for boxes, _, _ in asker.answers] == [1] * 5


@pytest.mark.parametrize("kind", [RuntimeError, ValueError, MemoryError])
def test_a_device_that_fails_ends_the_run_and_blames_no_video(
    heads: list[list[np.ndarray]], monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    with SearchServer(FACES, CPU) as server:

        def broken(*_: object, **__: object) -> None:
            raise kind("CUDA error: unspecified launch failure")

        monkeypatch.setattr(server._mtcnn, "detect", broken)
        with pytest.raises(PipelineError, match=r"unspecified launch failure.*--device cpu"):
            FaceDetector(FACES, RemoteSearch(server.address)).search(heads[0][0])


def test_one_frame_that_does_not_fit_says_so(
    heads: list[list[np.ndarray]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with SearchServer(FACES, CPU) as server:

        def full(*_: object, **__: object) -> None:
            raise torch.OutOfMemoryError("CUDA out of memory")

        monkeypatch.setattr(server._mtcnn, "detect", full)
        with pytest.raises(PipelineError, match="more memory than the device has"):
            RemoteSearch(server.address)(heads[0][0])


def test_a_worker_that_dies_or_is_silent_stops_no_other(heads: list[list[np.ndarray]]) -> None:
    with SearchServer(FACES, CPU) as server:
        for _ in range(3):
            Client(server.address).close()
        silent = Client(server.address)
        boxes, _, _ = RemoteSearch(server.address)(heads[0][0])
        assert len(boxes) == 1
        silent.close()


def test_a_closed_server_leaves_no_thread_that_serves() -> None:
    before = set(threading.enumerate())
    for _ in range(3):
        with SearchServer(FACES, CPU):
            pass
    assert set(threading.enumerate()) <= before


def test_a_server_that_is_gone_ends_the_run(heads: list[list[np.ndarray]]) -> None:
    class Closed:
        def send(self, image: np.ndarray) -> None:
            raise BrokenPipeError

    search = object.__new__(RemoteSearch)
    search._connection = Closed()
    with pytest.raises(PipelineError, match="is gone"):
        search(heads[0][0])


@pytest.mark.slow
def test_the_pool_writes_the_same_crops_with_a_device(tmp_path: Path, talking_heads: Path) -> None:
    videos = sorted((talking_heads / "new").glob("*.mp4"))
    for name, run in (("own", extract_here), ("together", partial(pool.run, device=CPU))):
        jobs = [Job(video, tmp_path / name / video.name) for video in videos]
        assert len(list(run(jobs, FACES, workers=2, timeout=60))) == len(videos)
    for video in videos:
        own, together = (store.load(tmp_path / name / video.name) for name in ("own", "together"))
        assert own["status"] == together["status"] == "ok"
        for track, same in zip(own["tracks"], together["tracks"], strict=True):
            assert track["frames"] == same["frames"]
            np.testing.assert_allclose(track["boxes"], same["boxes"], atol=0.2)
