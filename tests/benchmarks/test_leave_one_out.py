"""What is left out of training is all that the test split is about."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import leave_one_out
from datasets import manifest
from tests.helpers.crop_sets import write_crop_set


def test_the_method_left_out_is_in_the_test_split_alone_and_alone_there(tmp_path: Path) -> None:
    data = write_crop_set(tmp_path, {"train": 2, "val": 1, "test": 2}, fakes_each=3, frames=1)
    left = manifest.read(leave_one_out.without(data, "method2"))
    methods = left.table.groupby("split")["method"].agg(set).to_dict()
    others = {"", "method1", "method3"}
    assert methods == {"train": others, "val": others, "test": {"", "method2"}}
    whole = manifest.read(data)
    assert left.faces == whole.faces
    for table in (left.table, whole.table):
        assert (table["label"] == manifest.REAL).sum() == 5
    assert set(left.table["video_id"]) < set(whole.table["video_id"])


def test_the_mean_is_over_methods_that_self_blends_are_not() -> None:
    found = {("flicker", seed): (0.6, 0.6 + gain) for seed, gain in enumerate((0.1, 0.2, 0.3))}
    found |= {(leave_one_out.KNOWN, seed): (0.5, 1.0) for seed in range(3)}
    *_, line = leave_one_out.report(found, 0.5)
    assert line.startswith("mean gain +0.200")
    # Student's t for two degrees of freedom: 4.303, times 0.1 / √3
    assert leave_one_out.interval(np.array([0.1, 0.2, 0.3])) == pytest.approx(
        (0.2 - 0.2484, 0.2 + 0.2484), abs=1e-4
    )
