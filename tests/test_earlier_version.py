"""Files of an earlier version (commit e8ad55f) load, unless they use a removed option.

tests/data/earlier_version.zip was written by the commands of that version on two sources of the
demo: dfdc/ (videos), data/ (crops and manifest), checkpoint.pt (an epoch of training, convolutions
rounded to 1/16 so that they compress) and scores.csv (its validation split by evaluate.py).
"""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from common import checkpointing
from datasets import manifest
from extraction import pool
from tests.helpers import evaluate_runs, preprocess_runs
from tests.helpers.commands import ROOT

EVALUATE = ("--checkpoint", "checkpoint.pt", "--csv_file", "data/videos_df.csv", "--split", "val")
PREPROCESS = (
    *("--input", "dfdc", "--output", "data", "--undersample", "False", "--workers", "1"),
    *("--frames_per_video", "4", "--face_size", "40", "--margin", "0.1"),
    *("--val_share", "0.5", "--test_share", "0"),
)


@pytest.fixture(autouse=True)
def earlier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory, with the files of the earlier version."""
    with zipfile.ZipFile(ROOT / "tests" / "data" / "earlier_version.zip") as archive:
        archive.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)


def test_its_checkpoint_gives_the_same_scores_on_its_crops(monkeypatch: pytest.MonkeyPatch) -> None:
    assert evaluate_runs.run(monkeypatch, *EVALUATE, "--output", "evaluation") == 0
    before, after = pd.read_csv("scores.csv"), pd.read_csv("evaluation/scores.csv")
    assert list(after["video_id"]) == list(before["video_id"])
    assert list(after["verdict"]) == list(before["verdict"])
    for column in ("score", "p_fake"):
        np.testing.assert_allclose(after[column], before[column], atol=1e-5)


def test_its_manifest_is_the_one_that_its_checkpoint_was_trained_on() -> None:
    data = checkpointing.load(Path("checkpoint.pt")).data
    assert manifest.fingerprint(manifest.read(Path("data/videos_df.csv"))) == data


def test_its_extraction_is_continued_and_gives_the_same_manifest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def extract_again(job: pool.Job) -> float:
        raise AssertionError(f"{job.video} is extracted already")

    monkeypatch.setattr(pool, "_extract_and_store", extract_again)
    lines = Path("data/videos_df.csv").read_text().splitlines()
    crops = preprocess_runs.tree(Path("data/crops"))
    assert preprocess_runs.run(monkeypatch, *PREPROCESS) == 0
    added = ['"kind","class"', *['"",""'] * (len(lines) - 1)]  # columns of later versions
    expected = [f"{line},{cells}" for line, cells in zip(lines, added, strict=True)]
    assert Path("data/videos_df.csv").read_text().splitlines() == expected
    assert preprocess_runs.tree(Path("data/crops")) == crops


def _set_in_checkpoint(group: str, name: str) -> None:
    values = torch.load("checkpoint.pt", weights_only=True)
    assert values[group][name] is False
    values[group][name] = True
    torch.save(values, "checkpoint.pt")


def _set_in_manifest_record() -> None:
    path = Path("data/videos_df.json")
    record = json.loads(path.read_text())
    assert record["faces"]["reuse_boxes"] is False
    record["faces"]["reuse_boxes"] = True
    path.write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("use", "named"),
    [
        (lambda: _set_in_checkpoint("model", "bidirectional"), ("checkpoint.pt", "bidirectional")),
        (lambda: _set_in_checkpoint("faces", "reuse_boxes"), ("checkpoint.pt", "reuse_boxes")),
        (_set_in_manifest_record, ("videos_df.json", "reuse_boxes")),
    ],
    ids=["model of a checkpoint", "crops of a checkpoint", "crops of a manifest"],
)
def test_a_removed_option_is_an_error_of_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    use: Callable[[], None],
    named: tuple[str, str],
) -> None:
    use()
    assert evaluate_runs.run(monkeypatch, *EVALUATE, "--output", "evaluation") == 2
    [line] = capsys.readouterr().err.splitlines()
    assert all(word in line for word in (*named, "no longer supported"))
    assert not Path("evaluation").exists()


def test_crops_made_with_a_removed_option_are_not_continued(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = json.loads(Path("data/crops/faces.json").read_text())
    Path("data/crops/faces.json").write_text(json.dumps(settings | {"reuse_boxes": True}))
    assert preprocess_runs.run(monkeypatch, *PREPROCESS) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "reuse_boxes" in line
