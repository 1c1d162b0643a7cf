"""train.py --init_from: a detector is trained further, and what it forgets is printed."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch

from common import checkpointing
from datasets import splits
from tests.helpers import train_runs
from tests.helpers.crop_sets import write_crop_set

SMALL = ("--epochs", "2", "--batch_size", "4", "--workers", "0", "--device", "cpu")


def renamed(manifest: Path, prefix: str) -> Path:
    """Give the sources of a manifest other names, as those of another collection."""
    table = pd.read_csv(manifest)
    for name in ("source", "group"):
        table[name] = prefix + table[name].astype(str)
    table.to_csv(manifest, index=False)
    return manifest


@pytest.fixture
def collections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Manifests of old and new data, and a run on the old one in checkpoints/old."""
    for name in ("data", "new"):
        path = write_crop_set(tmp_path / name, {"train": 6, "val": 4}, fakes_each=1, frames=2)
        renamed(path, name)
    monkeypatch.chdir(tmp_path)
    words = ("--dropout", "0.6", "--run_name", "old")
    assert train_runs.run(monkeypatch, *train_runs.FLAGS, *words) == 0
    return tmp_path / "data" / "videos_df.csv", tmp_path / "new" / "videos_df.csv"


def tune(monkeypatch: pytest.MonkeyPatch, new: Path, *words: str) -> int:
    start = ("--init_from", "checkpoints/old/best.pt", "--csv_file", str(new), "--run_name", "new")
    return train_runs.run(monkeypatch, *start, *SMALL, *words)


@pytest.mark.slow
def test_all_weights_and_settings_come_from_the_detector_and_old_data_is_measured_before_and_after(
    collections: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old, new = collections
    assert tune(monkeypatch, new, "--replay", f"{old}:0.3") == 0
    first, tuned = (checkpointing.load(Path(f"checkpoints/{n}/best.pt")) for n in ("old", "new"))
    assert tuned.model == first.model and tuned.clip == first.clip
    before = json.loads(Path("checkpoints/new/before.json").read_text())
    assert before["val_auc data"] == pytest.approx(first.metrics["val_auc"], abs=1e-6)
    assert "before → after epoch" in (out := capsys.readouterr().out)
    assert f"val_auc data {before['val_auc data']:.3f} → " in out and "val_auc new " in out
    groups = [f"{name}train{number}" for name in ("data", "new") for number in range(6)]
    assert set(tuned.trained_on) == set(splits.fingerprints(groups))
    flags = json.loads(Path("checkpoints/new/args.json").read_text())
    assert flags["shares"] == [0.7, 0.3] and flags["csv_file"] == [str(new), str(old)]


@pytest.mark.slow
def test_sources_that_only_the_detector_was_trained_on_stay_known(
    collections: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, new = collections
    assert tune(monkeypatch, new, "--epochs", "1", "--lr", "1e-7") == 0
    first, tuned = (checkpointing.load(Path(f"checkpoints/{n}/best.pt")) for n in ("old", "new"))
    assert set(first.trained_on) < set(tuned.trained_on)
    changed = [
        name
        for name, value in first.weights.items()
        if "running" not in name
        and "num_batches" not in name
        and not torch.allclose(tuned.weights[name], value, atol=1e-4)
    ]
    assert not changed, "a learning rate of nearly 0 changes nearly nothing"
    more = ("--epochs", "2", "--force")
    assert train_runs.run(monkeypatch, "--resume", "checkpoints/new", *more) == 0


@pytest.mark.slow
def test_flags_that_contradict_the_detector_or_each_other_are_refused(
    collections: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old, new = collections
    for words, message in (
        (("--embed_dim", "32"), "--embed_dim 32: the detector in --init_from has 16"),
        (("--temporal", "none"), "--temporal none: the detector in --init_from has lstm"),
        (("--weights", "x.pth"), "leave out --weights"),
        (("--replay", f"{old}:0.3", "--resume", "last"), "leave out --replay"),
        (("--replay", f"{old}:0.3", "--shares", "1", "1"), "leave that out"),
        (("--replay", f"{old}:0.6", f"{old}:0.5"), "sum to 1.1"),
    ):
        assert tune(monkeypatch, new, *words) == 2
        assert message in capsys.readouterr().err
    table = pd.read_csv(old)
    swapped = table["split"].map({"train": "val", "val": "train"})
    table.assign(split=swapped).to_csv(new, index=False)
    assert tune(monkeypatch, new) == 2
    assert "was trained on 6 of 6 validation sources" in capsys.readouterr().err


@pytest.mark.slow
def test_several_seeds_are_tuned_and_the_same_command_again_changes_nothing(
    collections: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, new = collections
    for _ in range(2):
        assert tune(monkeypatch, new, "--seeds", "0,1", "--epochs", "1") == 0
        assert "seed_1" in capsys.readouterr().out.splitlines()[-3]


@pytest.mark.parametrize("text", ["old.csv", "old.csv:", ":0.3", "old.csv:0", "old.csv:1", "a:nan"])
def test_a_replayed_manifest_needs_a_share(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_runs.run(monkeypatch, "--init_from", "x", "--replay", text) == 2
    assert "expected MANIFEST:SHARE" in capsys.readouterr().err
