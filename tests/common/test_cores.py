"""How many cores may be used, and how many processes load data."""

from pathlib import Path

import pytest

from common import cores


@pytest.fixture(autouse=True)
def four_of_sixteen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with sixteen cores, of which this process may use eight and its container four."""
    quota = tmp_path / "cpu.max"
    quota.write_text("400000 100000\n")
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(cores, "QUOTA", quota)
    return quota


@pytest.mark.parametrize(
    ("text", "expected"),
    [("400000 100000", 4), ("50000 100000", 1), ("max 100000", 8), ("1600000 100000", 8)],
)
def test_affinity_and_quota_both_limit_the_cores(
    four_of_sixteen: Path, text: str, expected: int
) -> None:
    four_of_sixteen.write_text(text)
    assert cores.usable() == expected


@pytest.mark.parametrize("text", ["", "no numbers", "1 0", "1 2 3"])
def test_a_quota_that_says_nothing_is_none(four_of_sixteen: Path, text: str) -> None:
    four_of_sixteen.write_text(text)
    assert cores.usable() == 8
    four_of_sixteen.unlink()
    assert cores.usable() == 8


def test_systems_without_affinity_have_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cores.os, "sched_getaffinity")
    monkeypatch.setattr(cores.os, "cpu_count", lambda: 2)
    assert cores.usable() == 2
    monkeypatch.setattr(cores.os, "cpu_count", lambda: None)
    assert cores.usable() == 4, "the quota"


def test_a_gpu_gets_the_cores_and_a_cpu_one_worker() -> None:
    assert cores.loader_workers(None, on_gpu=True) == 3
    assert cores.loader_workers(None, on_gpu=True, processes=2) == 1
    assert cores.loader_workers(None, on_gpu=False) == 1
    assert cores.loader_workers(None, on_gpu=False, processes=4) == 0
    assert cores.loader_workers(0, on_gpu=True) == 0
    assert cores.loader_workers(7, on_gpu=False) == 7
