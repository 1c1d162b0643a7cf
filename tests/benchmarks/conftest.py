"""What all tests of benchmarks need."""

from collections.abc import Iterator

import cv2
import pytest
import torch


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    """Restore the numbers of threads, which some benchmarks set to 1."""
    threads = torch.get_num_threads(), cv2.getNumThreads()
    yield
    torch.set_num_threads(threads[0])
    cv2.setNumThreads(threads[1])
