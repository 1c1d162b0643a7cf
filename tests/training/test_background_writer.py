"""Files are written while training continues, and an error of writing is not lost."""

import threading

import pytest
import torch

from training.background_writer import BackgroundWriter, snapshot


def test_a_job_runs_beside_its_caller_and_the_next_one_waits_for_it() -> None:
    writer, may_end, done = BackgroundWriter(), threading.Event(), []

    def slow() -> None:
        assert may_end.wait(60)
        done.append("slow")

    writer.submit(slow)
    assert not done, "the caller goes on"
    may_end.set()
    writer.submit(lambda: done.append("next"))
    assert "slow" in done
    writer.wait()
    assert done == ["slow", "next"]


def test_an_error_is_raised_once_by_the_next_call() -> None:
    def fail() -> None:
        raise OSError(28, "No space left on device")

    writer = BackgroundWriter()
    writer.submit(fail)
    with pytest.raises(OSError, match="No space left"):
        writer.wait()
    writer.wait()
    writer.submit(fail)
    with pytest.raises(OSError, match="No space left"):
        writer.submit(lambda: None)


def test_a_snapshot_keeps_the_values_of_its_time() -> None:
    tensor = torch.zeros(2, 3, 4, 4).to(memory_format=torch.channels_last)
    state = {"a": [tensor, {"b": tensor}], "c": None, "d": 3}
    copied = snapshot(state)
    tensor += 1
    assert copied["c"] is None and copied["d"] == 3
    for value in (copied["a"][0], copied["a"][1]["b"]):
        assert not value.any()
        assert value.is_contiguous(memory_format=torch.channels_last)
