"""The memory of a training step."""

import pytest

from benchmarks import step_memory
from tests.benchmarks.commands import run


def test_accumulation_recomputation_and_bfloat16_need_less_memory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert run(monkeypatch, step_memory, "--encoder", "shufflenet_v2_x0_5") == 0
    state, head, *rows = capsys.readouterr().out.splitlines()
    assert state.startswith("shufflenet_v2_x0_5: weights") and head.split()[-3:] == ["1", "2", "4"]
    gigabytes = [[float(value) for value in row[40:].split()] for row in rows]
    assert [row[:40].strip() for row in rows] == [
        "float32",
        "float32 --grad_checkpoint True",
        "bfloat16",
        "bfloat16 --grad_checkpoint True",
    ]
    assert all(row == sorted(row, reverse=True) for row in gigabytes)
    full, recomputed, half, _ = (row[0] for row in gigabytes)
    assert full > recomputed and full > half > 0
