"""No detector judges clips that it was trained on or tuned with."""

import json
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import two_folds
from datasets import manifest
from tests.benchmarks.commands import error_line, flag_values, parse, run
from tests.helpers.crop_sets import write_crop_set


@pytest.fixture
def dfdc(tmp_path: Path) -> Path:
    """One video on disk and one that is listed only."""
    part = tmp_path / "dfdc/dfdc_train_part_0"
    part.mkdir(parents=True)
    (part / "a.mp4").touch()
    (part / "metadata.json").write_text(
        json.dumps({"a.mp4": {"label": "FAKE"}, "missing.mp4": {"label": "REAL"}})
    )
    return tmp_path / "dfdc"


def test_a_detector_judges_the_other_fold_and_all_of_dfdc(
    dfdc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    output = tmp_path / "out"
    judged: list[set[str]] = []

    def stage(name: str, command: list[str]) -> float:
        flags = parse(command)
        if name == "preprocess":
            write_crop_set(output, {"train": 4}, fakes_each=2, frames=1)
        elif name == "train":
            folder = output / flags.run_name
            folder.mkdir()
            (folder / "epoch_100.pt").touch()
        else:
            assert flags.checkpoint.exists()
            judged.append({Path(video).stem for video in flags.paths})
            scores = pd.DataFrame({"video": flags.paths, "verdict": "fake", "p_fake": 0.75})
            scores.to_csv(Path(flag_values(command)["--output"]) / "scores.csv", index=False)
        return 0.0

    monkeypatch.setattr(two_folds, "run_stage", stage)
    assert run(monkeypatch, two_folds, "ffpp", dfdc, "--output", output) == 0
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


def test_clips_that_are_all_connected_are_one_line(
    dfdc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def stage(name: str, command: list[str]) -> float:
        write_crop_set(tmp_path / "out", {"train": 1}, fakes_each=2, frames=1)
        return 0.0

    monkeypatch.setattr(two_folds, "run_stage", stage)
    words = ["ffpp", dfdc, "--output", tmp_path / "out"]
    line = error_line(monkeypatch, capsys, two_folds, *words)
    assert line == "error: ffpp: fakes connect all of its sources, so they cannot be divided"
