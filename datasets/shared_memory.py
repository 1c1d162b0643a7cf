"""Shared memory, through which a loader's worker processes deliver tensors.

In containers it is often small (64 MB in Docker). Left to itself, torch copies a batch into it in a
thread of the worker, where a lack of space is printed and the batch is lost: the main process
would wait for it for ever.
"""

import errno
import multiprocessing
import re
import shutil
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.utils.data import get_worker_info

from common.errors import PipelineError

FOLDER = Path("/dev/shm")  # on Linux; elsewhere it does not exist
SECONDS_TO_END = 5  # for a process that was killed
LITTLE = 2**20  # bytes; with less, not even the locks of worker processes can be made
REMEDY = "use --workers 0, or give the container more shared memory (docker run --shm-size 8g)"
# Texts of torch's errors for worker processes that died, did not answer, or lack shared memory.
ERRORS = re.compile(
    r"is killed by signal|exited unexpectedly|DataLoader timed out|shared memory|</torch_"
    r"|received 0 items of ancdata"
)


def share(tensors: Iterable[torch.Tensor | None]) -> None:
    """Move tensors into shared memory if this is a worker process, so that a lack of space is an
    error of the batch. Raise RuntimeError if there is not enough."""
    if get_worker_info() is not None:
        for tensor in tensors:
            if tensor is not None:
                tensor.share_memory_()


@contextmanager
def explained_loader_errors() -> Iterator[None]:
    """Raise PipelineError with the remedy in place of an error of torch that says that a worker
    process died, did not answer, or lacks shared memory. The other workers are killed: the end of
    this process would wait for them."""
    try:
        yield
    except (RuntimeError, OSError, EOFError) as error:
        if not _is_loader_error(error):
            raise
        if hasattr(signal, "SIGCHLD"):  # not on Windows
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch's handler reports the kills
        for process in multiprocessing.active_children():
            process.kill()
            process.join(SECONDS_TO_END)
        reason = [type(error).__name__, *str(error).strip().splitlines()][-1][:200]
        raise PipelineError(f"a loader process failed: {REMEDY} ({reason})") from error


def _is_loader_error(error: Exception) -> bool:
    if ERRORS.search(str(error)) or isinstance(error, EOFError | ConnectionError):
        return True  # the main process gets a batch through a connection to the worker
    if isinstance(error, OSError) and error.filename is None:
        is_gone = error.errno == errno.ENOENT  # the socket of a worker that died
        return is_gone or (FOLDER.is_dir() and shutil.disk_usage(FOLDER).free < LITTLE)
    return False
