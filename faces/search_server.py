"""Searching the frames of many videos at once on a GPU, while workers decode and follow.

A GPU is fast with many frames at a time, and one video has few to search. So the workers send
theirs to the main process, which searches all that wait, of one size, in one batch.
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
from faces.detect import Found, make_mtcnn

MAX_BATCH = 64  # frames; more of them wait for the next turn

Request = tuple[np.ndarray, Connection]  # a frame and who asked


class SearchServer:
    """Answers every RemoteSearch that connects to `address`, until the `with` block ends."""

    def __init__(self, config: FaceConfig, device: torch.device) -> None:
        # The same digits as on the CPU, as far as a GPU can.
        torch.backends.cudnn.allow_tf32 = False
        self._mtcnn = make_mtcnn(config, device)
        self._requests: Queue[Request | None] = Queue()
        self._listener = Listener(family="AF_UNIX")  # in a folder that is this user's alone
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
            with suppress(OSError):  # a worker that was ended while it connected
                connection = self._listener.accept()
                self._connections.append(connection)
                if not self._closing:
                    Thread(target=self._listen, args=[connection], daemon=True).start()

    def _listen(self, connection: Connection) -> None:
        with suppress(EOFError, OSError):  # the worker is gone
            while True:
                self._requests.put((connection.recv(), connection))

    def _answer(self) -> None:
        asked: list[Request | None] = []
        while None not in asked:
            asked = [self._requests.get()]
            while len(asked) < MAX_BATCH and not self._requests.empty():
                asked.append(self._requests.get())
            by_shape: defaultdict[tuple[int, ...], list[Request]] = defaultdict(list)
            for request in filter(None, asked):
                by_shape[request[0].shape].append(request)
            for requests in by_shape.values():
                self._search(requests)

    def _search(self, requests: list[Request]) -> None:
        answers = self._look([image for image, _ in requests])
        if answers is None and len(requests) > 1:
            half = len(requests) // 2
            self._search(requests[:half])
            self._search(requests[half:])
            return
        answers = answers or ["one frame takes more memory than the device has"]
        for answer, (_, connection) in zip(answers, requests, strict=True):
            with suppress(OSError):  # the worker is gone, and its video a row already
                connection.send(answer)

    def _look(self, images: list[np.ndarray]) -> list[Found] | list[str] | None:
        """What is found, or what went wrong, for each; None where they do not fit together."""
        try:
            return list(zip(*self._mtcnn.detect(images, landmarks=True), strict=True))
        except torch.OutOfMemoryError:
            return None
        except Exception as error:  # raised again by RemoteSearch: this thread serves all workers
            return [one_line(error)] * len(images)


class RemoteSearch:
    """What a worker's FaceDetector asks instead of its own MTCNN."""

    def __init__(self, address: str) -> None:
        self._connection = Client(address)

    def __call__(self, image: np.ndarray) -> Found:
        """Raise PipelineError when the GPU fails: that is no fault of the video."""
        try:
            self._connection.send(image)
            answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise PipelineError("the process that searches for faces is gone") from error
        if isinstance(answer, str):
            raise PipelineError(f"searching for faces failed: {answer}; --device cpu does without")
        return answer
