"""A start from pictures beside one from scratch, with the demo's own commands."""

from pathlib import Path

import pytest

from benchmarks import image_start
from tests.benchmarks.commands import parse, record_stages, run, touch_manifest, write_auc

AUC = {"from_scratch": 0.7, "pictures": 0.6, "from_pictures": 0.8}


def test_both_see_the_same_number_of_frames_and_the_gain_is_paired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def evaluate(command: list[str]) -> None:
        (path,) = parse(command).checkpoint
        write_auc(command, "flicker", AUC[path.parent.name])

    commands = record_stages(monkeypatch, preprocess=touch_manifest, evaluate=evaluate)
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
