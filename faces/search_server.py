"""Searches the frames of many videos for faces on a GPU, in batches, for worker processes.

A GPU is efficient on large batches, but a single video has few frames to search. So the workers,
which decode videos and follow faces, send these frames to the main process. It searches all waiting
frames of one size in one batch.
"""

from collections import defaultdict
from contextlib import suppress
from multiprocessing.connection import Client, Connection, Listener
from queue import Queue
from threading import Thread
from typing import Self

import numpy as np
import torch

from common.errors import PipelineError, one_line
from common.preprocessing import FaceConfig
from faces.detect import SearchResult, make_mtcnn

MAX_BATCH = 64  # frames; further frames wait for the next batch

Request = tuple[np.ndarray, Connection]  # a frame and the connection to answer on


class SearchServer:
    """Serves each RemoteSearch that connects to `address`, until the `with` block ends."""

    def __init__(self, config: FaceConfig, device: torch.device) -> None:
        # Without TF32, a GPU's results are as close to the CPU's as possible.
        torch.backends.cudnn.allow_tf32 = False
        self._mtcnn = make_mtcnn(config, device)
        self._requests: Queue[Request | None] = Queue()
        self._listener = Listener(family="AF_UNIX")  # in a folder that only this user can open
        self._connections: list[Connection] = []
        self._closing = False
        self._threads = [Thread(target=work, daemon=True) for work in (self._accept, self._answer)]
        self.address: str = self._listener.address

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        Client(self.address).close()  # wakes _accept
        self._requests.put(None)
        for thread in self._threads:
            thread.join()
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _accept(self) -> None:
        while not self._closing:
            with suppress(OSError):  # a worker that ended while it connected
                connection = self._listener.accept()
                self._connections.append(connection)
                if not self._closing:
                    Thread(target=self._listen, args=[connection], daemon=True).start()

    def _listen(self, connection: Connection) -> None:
        with suppress(EOFError, OSError):  # the worker is gone
            while True:
                self._requests.put((connection.recv(), connection))

    def _answer(self) -> None:
        batch: list[Request | None] = []
        while None not in batch:
            batch = [self._requests.get()]
            while len(batch) < MAX_BATCH and not self._requests.empty():
                batch.append(self._requests.get())
            by_shape: defaultdict[tuple[int, ...], list[Request]] = defaultdict(list)
            for request in filter(None, batch):
                by_shape[request[0].shape].append(request)
            for requests in by_shape.values():
                self._search(requests)

    def _search(self, requests: list[Request]) -> None:
        answers = self._search_batch([image for image, _ in requests])
        if answers is None and len(requests) > 1:
            half = len(requests) // 2
            self._search(requests[:half])
            self._search(requests[half:])
            return
        answers = answers or ["a single frame needs more memory than the device has"]
        for answer, (_, connection) in zip(answers, requests, strict=True):
            with suppress(OSError):  # the worker is gone, and its video already has a status
                connection.send(answer)

    def _search_batch(self, images: list[np.ndarray]) -> list[SearchResult] | list[str] | None:
        """Return a result or an error message for each image; None if the batch does not fit in the
        device's memory."""
        try:
            return list(zip(*self._mtcnn.detect(images, landmarks=True), strict=True))
        except torch.OutOfMemoryError:
            return None
        except Exception as error:  # raised again by RemoteSearch: this thread serves all workers
            return [one_line(error)] * len(images)


class RemoteSearch:
    """The `search_frame` of a worker's FaceDetector: lets a SearchServer search each frame."""

    def __init__(self, address: str) -> None:
        self._connection = Client(address)

    def __call__(self, image: np.ndarray) -> SearchResult:
        """Return the faces in a frame (H, W, 3) uint8 RGB. Raise PipelineError, not VideoError, if
        the server or its GPU fails, because the video is not at fault."""
        try:
            self._connection.send(image)
            answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise PipelineError("the process that searches for faces is gone") from error
        if isinstance(answer, str):
            raise PipelineError(f"searching for faces failed: {answer}; use --device cpu")
        return answer
