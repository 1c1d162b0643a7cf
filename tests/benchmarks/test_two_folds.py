"""No detector is trained on what it judges, nor tuned by it."""

import itertools
import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import two_folds
from datasets import manifest
from tests.helpers.crop_sets import write_crop_set


def test_a_detector_judges_the_other_fold_and_all_of_dfdc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    part = tmp_path / "dfdc/dfdc_train_part_0"
    part.mkdir(parents=True)
    (part / "a.mp4").touch()
    (part / "metadata.json").write_text(
        json.dumps({"a.mp4": {"label": "FAKE"}, "missing.mp4": {"label": "REAL"}})
    )
    output = tmp_path / "out"
    judged: list[set[str]] = []

    def stage(name: str, command: list[str]) -> float:
        after = dict(itertools.pairwise(command))  # flag → what follows it
        if name == "preprocess":
            write_crop_set(output, {"train": 4}, fakes_each=2, frames=1)
        elif name == "train":
            folder = output / after["--run_name"]
            folder.mkdir()
            (folder / "epoch_100.pt").touch()
        else:
            videos = [word for word in command if word.endswith(".mp4")]
            judged.append({Path(video).stem for video in videos})
            scores = pd.DataFrame({"video": videos, "verdict": "fake", "p_fake": 0.75})
            scores.to_csv(after["--output"], index=False)
        return 0.0

    monkeypatch.setattr(two_folds, "run_stage", stage)
    words = ["ffpp", str(tmp_path / "dfdc"), "--output", str(output)]
    monkeypatch.setattr(sys, "argv", ["two_folds", *words])
    assert two_folds.main() == 0
    tables = [manifest.read(output / f"fold_{fold}.csv").table for fold in (1, 2)]
    for table, unseen in zip(tables * 2, judged, strict=True):
        trained = table[table["split"] == "train"]
        assert len(trained) == 6 and "a" in unseen and "missing" not in unseen
        assert not unseen & {Path(path).stem for path in table["path"]}
        assert (table[table["split"] == "val"]["label"] == manifest.REAL).all()
        assert set(table["crops"]) == set(trained["crops"])
    text = capsys.readouterr().out
    assert text.count("fake 0.750") == 2 * (12 + 2) and text.count("trained on it") == 2 * 12
    assert "fold 1: AUC 0.500 on 6 clips, 2 group(s) of sources" in text
