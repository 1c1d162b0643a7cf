"""A checkpoint becomes a folder with its figures and a card that says them."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch

import detectors
from common import checkpointing
from common.errors import UsageError
from datasets import manifest
from detectors import add, card
from detectors.probes import score_probes
from scoring.load import load_detector
from tests.helpers import evaluate_runs
from tests.helpers.commands import run_here
from tests.helpers.crop_sets import write_crop_set


@pytest.fixture
def trained(calibrated: Path, tmp_path: Path) -> Path:
    """A checkpoint that names its training data."""
    content = checkpointing.load(calibrated)
    content.data = {"sha256": "ab" * 32, "videos": {"train REAL": 5, "train FAKE": 7}}
    checkpointing.save(tmp_path / "trained.pt", content)
    return tmp_path / "trained.pt"


@pytest.fixture
def evaluated(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The results of evaluate.py for this checkpoint on two collections."""
    paths = [
        write_crop_set(tmp_path / name, {"test": 10}, fakes_each=2, frames=2)
        for name in ("one", "two")
    ]
    faces = checkpointing.load(trained).faces
    for path in paths:
        manifest.write_record(path, {"faces": faces.to_dict()})
    table = manifest.read(paths[1]).table
    manifest.write(paths[1], table[table["label"] == manifest.REAL])
    flags = ["--checkpoint", trained, "--csv_file", *paths, "--output", tmp_path / "out"]
    assert evaluate_runs.run(monkeypatch, *flags, draw=True) == 0
    return tmp_path / "out"


def test_weights_figures_and_card_are_those_of_the_checkpoint(
    trained: Path, evaluated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detectors, "FOLDER", tmp_path / "shipped")
    words = ["new", "--checkpoint", trained, "--evaluation", evaluated]
    assert run_here(monkeypatch, add.main, *words) == 0
    (name,) = detectors.names()
    detector = load_detector(detectors.find(Path(name)), torch.device("cpu"))
    assert detector.about["probes"] == score_probes(detector)
    results = json.loads((evaluated / "metrics.json").read_text())
    auc = results["evaluations"][0]["metrics"]["auc"]["value"]
    figures = detector.about["figures"]
    assert figures["one, test split"].startswith(f"AUC {auc:.3f}")
    assert "AUC" not in figures["two, test split"], "reals alone have none"
    text = (tmp_path / "shipped/new/CARD.md").read_text(encoding="utf-8")
    assert f"{auc:.3f}" in text
    assert "5 reals and\n7 fakes" in text
    assert "method1" in text
    assert "![one_reliability.png](one_reliability.png)" in text
    drawn = (evaluated / "reliability.png").read_bytes()
    assert (tmp_path / "shipped/new/one_reliability.png").read_bytes() == drawn


def test_the_card_lists_the_most_certain_mistakes_of_each_collection_and_label() -> None:
    columns = ["csv_file", "video_id", "label", "verdict", "p_fake"]
    rows = [("a/v.csv", f"r{n}", 0, "fake", 0.6 + n / 100) for n in range(9)]
    rows += [("a/v.csv", "f", 1, "real", 0.3), ("b/v.csv", "other", 0, "fake", 0.7)]
    rows += [("b/v.csv", "right", 1, "fake", 0.99), ("b/v.csv", "asked", 1, "uncertain", 0.01)]
    listed = [row["video_id"] for row in card.mistakes(pd.DataFrame(rows, columns=columns))]
    assert listed == ["r8", "r7", "r6", "r5", "r4", "f", "other"]


def test_figures_of_collections_left_out_are_those_of_their_own_trainings(
    trained: Path, evaluated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detectors, "FOLDER", tmp_path / "shipped")
    words = ["new", "--checkpoint", trained, "--evaluation", evaluated, "--left_out", evaluated]
    assert run_here(monkeypatch, add.main, *words) == 0
    text = (tmp_path / "shipped/new/CARD.md").read_text(encoding="utf-8")
    assert f"| `{trained.parent.name}` | `one` |" in text


def test_a_name_that_is_a_path_is_refused(
    evaluated: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["../x", "--checkpoint", trained, "--evaluation", evaluated]
    assert run_here(monkeypatch, add.main, *words) == 2


def test_results_of_another_checkpoint_or_rule_are_refused(trained: Path, evaluated: Path) -> None:
    results = json.loads((evaluated / "metrics.json").read_text())
    add.check_results(trained, results)
    first, second = results["evaluations"]
    for wrong, said in (
        ([first | {"checkpoint": "other.pt"}], "another checkpoint"),
        ([first | {"judgement": first["judgement"] | {"fake_from": 0.5}}], "another decision rule"),
        ([first, second | {"csv_file": first["csv_file"]}], "the same name"),
    ):
        with pytest.raises(UsageError, match=said):
            add.check_results(trained, {"evaluations": wrong})
