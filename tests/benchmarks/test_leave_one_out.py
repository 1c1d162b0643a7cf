"""Methods left out of training: the manifests, and the table of gains."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import leave_one_out
from datasets import manifest
from tests.benchmarks.commands import flag_values, parse, record_stages, run, write_auc
from tests.helpers.crop_sets import write_crop_set


def test_every_method_is_left_out_once_without_and_once_with_self_blends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    trainings: list[tuple[str, str]] = []

    def preprocess(command: list[str]) -> None:
        sources = {"train": 2, "val": 1, "test": 2}
        write_crop_set(Path(flag_values(command)["--output"]), sources, fakes_each=2, frames=1)

    def train(command: list[str]) -> None:
        trainings.append((*parse(command).csv_file, flag_values(command)["--sbi"]))

    def evaluate(command: list[str]) -> None:
        (path,) = parse(command).checkpoint
        method = path.parent.name.removeprefix("without_").partition("_sbi")[0]
        write_auc(command, method, 0.75 if path.parent.name.endswith("_sbi_0.5") else 0.5)

    record_stages(monkeypatch, preprocess=preprocess, train=train, evaluate=evaluate)
    assert run(monkeypatch, leave_one_out, "--seeds", "0,1", "--output", tmp_path) == 0
    assert [sbi for _, sbi in trainings] == ["0.0", "0.5"] * 4
    assert len({csv_file for csv_file, _ in trainings}) == 4
    _, title, head, *rows, mean = capsys.readouterr().out.splitlines()
    assert title.endswith("mean of seeds [0, 1]") and head.split()[-1] == "gain"
    assert [row.split() for row in rows] == [
        [f"method{number}", "0.500", "0.750", "+0.250"] for number in (1, 2)
    ]
    assert mean.startswith("mean gain +0.250") and "4 pairs of method and seed" in mean


def test_a_method_left_out_is_in_no_split_but_test_and_is_the_only_one_there(
    tmp_path: Path,
) -> None:
    data = write_crop_set(tmp_path, {"train": 2, "val": 1, "test": 2}, fakes_each=3, frames=1)
    left = manifest.read(leave_one_out.leave_out(data, "method2"))
    methods = left.table.groupby("split")["method"].agg(set).to_dict()
    others = {"", "method1", "method3"}
    assert methods == {"train": others, "val": others, "test": {"", "method2"}}
    whole = manifest.read(data)
    assert left.faces == whole.faces
    for table in (left.table, whole.table):
        assert (table["label"] == manifest.REAL).sum() == 5
    assert set(left.table["video_id"]) < set(whole.table["video_id"])


def test_the_mean_is_over_methods_other_than_self_blends() -> None:
    aucs = {("flicker", seed): (0.6, 0.6 + gain) for seed, gain in enumerate((0.1, 0.2, 0.3))}
    aucs |= {(leave_one_out.SELF_BLEND, seed): (0.5, 1.0) for seed in range(3)}
    *_, line = leave_one_out.report(aucs, 0.5)
    assert line.startswith("mean gain +0.200")
    # Student's t for two degrees of freedom: 4.303, times 0.1 / √3
    assert leave_one_out.mean_interval(np.array([0.1, 0.2, 0.3])) == pytest.approx(
        (0.2 - 0.2484, 0.2 + 0.2484), abs=1e-4
    )
