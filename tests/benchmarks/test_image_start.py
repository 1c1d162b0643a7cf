"""A start from pictures beside one from scratch, with the demo's own commands."""

import json
from pathlib import Path

import pytest

from benchmarks import demo_runs, image_start
from tests.benchmarks.commands import flag_values, parse, run

AUC = {"from_scratch": 0.7, "pictures": 0.6, "from_pictures": 0.8}


def test_both_see_the_same_number_of_frames_and_the_gain_is_paired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    commands: list[list[str]] = []

    def stage(name: str, command: list[str]) -> float:
        commands.append(command)
        if name == "preprocess":
            folder = Path(flag_values(command)["--output"])
            folder.mkdir(parents=True)
            (folder / "videos_df.csv").touch()
        elif name == "evaluate":
            (path,) = parse(command).checkpoint
            (path.parent / "evaluation_test").mkdir(parents=True)
            groups = {"method": {"flicker": {"auc": {"value": AUC[path.parent.name]}}}}
            results = json.dumps({"evaluations": [{"groups": groups}]})
            (path.parent / "evaluation_test" / "metrics.json").write_text(results)
        return 0.0

    monkeypatch.setattr(demo_runs.demo, "run_stage", stage)
    words = ["--seeds", "0,1", "--epochs", "10", "--output", tmp_path]
    assert run(monkeypatch, image_start, *words) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[-3:-1] == [["0", "0.700", "0.800", "+0.100"], ["1", "0.700", "0.800", "+0.100"]]
    trainings = [parse(command) for command in commands if command[0] == "train.py"]
    scratch, pictures, start = trainings[:3]
    assert scratch.epochs * scratch.clip_frames == (
        pictures.epochs * pictures.clip_frames + start.epochs * start.clip_frames
    )
    assert pictures.dataset == "image" and pictures.temporal == "none"
    assert start.weights == tmp_path / "seed_0" / "pictures" / "best.pt"
