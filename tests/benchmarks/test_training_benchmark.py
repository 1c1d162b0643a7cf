"""The trainer beside a bare loop, on the CPU."""

import pytest

from benchmarks import training
from tests.benchmarks.commands import error_line, run


@pytest.mark.slow
def test_every_encoder_gets_a_row_of_speeds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    words = ["--encoders", "shufflenet_v2_x0_5", "test_resnet", "--device", "cpu"]
    words += ["--batch_size", "2", "--steps", "1", "--repeats", "1"]
    assert run(monkeypatch, training, *words) == 0
    title, head, *rows = capsys.readouterr().out.splitlines()
    assert title == "cpu, torch.float32, batches of 2 clips of 16 frames of 224 px, mild"
    assert head.split()[1:6] == ["bare", "trainer", "share", "first", "stall"]
    assert [row.split()[0] for row in rows] == words[1:3]
    for row in rows:
        bare, trainer, share, first, stall, *rest = (float(v.rstrip("%")) for v in row.split()[1:])
        assert min(bare, trainer, share, first, *rest) > 0 and 0 <= stall < 100


def test_an_unknown_encoder_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    words = ["--encoders", "resnet1", "--device", "cpu"]
    assert "unknown --model_name 'resnet1'" in error_line(monkeypatch, capsys, training, *words)
