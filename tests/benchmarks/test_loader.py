"""The training loader beside a plain one."""

from pathlib import Path

import pytest

from benchmarks import loader
from datasets.augmentations import STRENGTHS
from datasets.video_dataset import VideoDataset
from tests.benchmarks.commands import run


def test_every_loader_gets_its_speed_and_ours_the_shares_of_its_stages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert run(monkeypatch, loader, "--tracks", "2", "--repeats", "1") == 0
    lines = capsys.readouterr().out.splitlines()
    speeds, ratio, stages, workers = lines[:4], lines[4], lines[5:8], lines[8:]
    names = ["plain, mild", *(f"ours, {strength}" for strength in STRENGTHS)]
    assert [line[:14].strip() for line in speeds] == names
    assert all(float(line[14:20]) > 0 and line.endswith(" clips/s") for line in speeds)
    assert ratio.endswith("times as fast as plain")
    for line in stages:
        words = line.removeprefix("ours, ").replace(",", "").split()[1:]
        assert words[::2] == ["read", "decode", "augment", "resize", "normalise"]
    assert len(workers) == 5
    for row in workers[1:]:
        one, two, rate, needed = map(float, row[24:].split())
        assert min(one, two) > 0 and needed >= 3600 * 0.9 * two / 1000
        assert rate == pytest.approx(1000 / two, rel=0.05)


def test_both_loaders_return_batches_of_the_same_shape_and_labels(tmp_path: Path) -> None:
    data = loader.make_crops(tmp_path, 2)
    ours = VideoDataset(data, "train", loader.CLIP, train=True)
    (first,), (second,) = (
        list(loader.load(dataset)) for dataset in (loader.PlainDataset(data), ours)
    )
    assert first["clips"].shape == second["clips"].shape == (2, 16, 3, 224, 224)
    assert first["clips"].dtype == second["clips"].dtype
    assert first["labels"].tolist() == second["labels"].tolist() == [0, 1]
    assert first["mask"].all() and second["mask"].all()
