"""The table of variants: mean and spread over seeds, from runs by the demo's own commands."""

import json
from pathlib import Path

import pytest

from benchmarks import demo_runs, variants


def test_a_row_holds_mean_and_spread_over_seeds() -> None:
    runs = [{"flicker": 0.5 + step, "low_resolution": 0.9 + step} for step in (0.0, 0.1)]
    _, head, row = variants.report("temporal", {"gru": runs}, [0, 1])
    assert head.split() == ["--temporal", "flicker", "low_resolution", "mean"]
    assert row.split() == [
        "gru",
        "0.550",
        "±",
        "0.071",
        "0.950",
        "±",
        "0.071",
        "0.750",
        "±",
        "0.071",
    ]


def test_a_run_that_is_finished_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages: list[list[str]] = []

    def stage(name: str, command: list[str]) -> float:
        stages.append(command)
        if name == "evaluate":
            folder = tmp_path / "temporal_gru/evaluation_test"
            folder.mkdir(parents=True)
            groups = {"method": {"flicker": {"auc": {"value": 0.7}}}}
            results = {"evaluations": [{"groups": groups}]}
            (folder / "metrics.json").write_text(json.dumps(results))
        return 0.0

    monkeypatch.setattr(demo_runs.demo, "run_stage", stage)
    data = tmp_path / "videos_df.csv"
    for _ in range(2):
        found = demo_runs.train_and_test(data, "temporal_gru", 3, ["--temporal", "gru"])
        assert found == {"flicker": 0.7}
    train, evaluate = stages
    assert train[0] == "train.py" and train[-2:] == ["--temporal", "gru"]
    assert train[train.index("--seed") + 1] == "3"
    assert f"{tmp_path}/temporal_gru/best.pt" in evaluate
