"""The table of accuracy and AUC under attack."""

from pathlib import Path

import pytest

from benchmarks import attacked
from tests.benchmarks.commands import error_line, run
from tests.helpers.crop_sets import write_crop_set


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_crop_set(tmp_path, {"test": 2}, fakes_each=1, frames=2)


def test_a_row_holds_accuracy_and_auc_without_and_with_each_attack(
    data: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    words = [checkpoint, "--csv_file", data, "--steps", "1", "--batch_size", "4"]
    assert run(monkeypatch, attacked, *words, "--device", "cpu") == 0
    title, head, row = capsys.readouterr().out.splitlines()
    assert title == "test split, epsilon 0.0078, 1 steps of PGD"
    assert head.split() == ["checkpoint", "unchanged", "fgsm", "pgd"]
    assert row.startswith(str(checkpoint)) and row.count("(AUC ") == 3


def test_an_attack_that_may_change_nothing_changes_no_number(
    data: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    words = [checkpoint, "--csv_file", data, "--epsilon", "0", "--steps", "1"]
    assert run(monkeypatch, attacked, *words, "--device", "cpu") == 0
    row = capsys.readouterr().out.splitlines()[-1].removeprefix(str(checkpoint))
    unchanged, fgsm, pgd = row.strip().split(")")[:3]
    assert unchanged.split() == fgsm.split() == pgd.split()


def test_a_split_without_videos_and_a_missing_manifest_are_one_line(
    data: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    words = [checkpoint, "--csv_file", data, "--split", "val"]
    assert "val split" in error_line(monkeypatch, capsys, attacked, *words)
    words = [checkpoint, "--csv_file", "missing.csv"]
    assert "no manifest 'missing.csv'" in error_line(monkeypatch, capsys, attacked, *words)
