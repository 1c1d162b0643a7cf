"""Scoring by stage and by backend, without starting score.py."""

import re
from pathlib import Path

import pytest

from benchmarks import scoring
from common.errors import UsageError
from tests.benchmarks.commands import error_line, parse, run


@pytest.mark.slow
def test_every_video_gets_a_row_and_every_backend_its_lines(
    talking_heads: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    calls: list[tuple[str, str]] = []

    def run_command(command: list[str]) -> None:
        flags = parse(command)
        calls.append((flags.backend, flags.precision))

    monkeypatch.setattr(scoring, "run_command", run_command)
    words = ["--model_name", "test_resnet", "--repeats", "1", "--device", "cpu"]
    assert run(monkeypatch, scoring, talking_heads / "new", *words) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    backends = ["torch", "bfloat16", "onnx", "int8"]
    assert head.split() == ["seconds", *scoring.STAGES, *backends, "plain"]
    rows, folders, starts = lines[:2], lines[2:10], lines[10:]
    assert [row.split()[0] for row in rows] == ["new_fake.mp4", "new_real.mp4"]
    for row in rows:
        assert all(float(value) > 0 for value in row.split()[4:])
    assert [line.split(":")[0] for line in folders] == [name for name in backends for _ in "ab"]
    assert "2 videos one by one" in folders[0] and "2 videos as a folder" in folders[1]
    for line in folders:
        shares = re.search(r"model waits (\d+)% of the time, extraction is idle (\d+)%$", line)
        assert shares is not None
        assert all(0 <= int(share) < 100 for share in shares.groups())
    assert [line.split(" in ")[0] for line in starts] == [
        f"{name}: score.py new_fake.mp4" for name in backends
    ]
    assert calls == [("torch", "float32"), ("torch", "bfloat16"), *[("onnx", "float32")] * 2]


def test_a_model_that_cannot_be_exported_leaves_the_other_backends(
    talking_heads: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise UsageError("this model cannot be exported: no reason")

    monkeypatch.setattr(scoring, "run_command", lambda _: None)
    monkeypatch.setattr(scoring.onnx_export, "export", fail)
    words = ["--model_name", "test_resnet", "--repeats", "1", "--device", "cpu"]
    assert run(monkeypatch, scoring, talking_heads / "new", *words) == 0
    first, head, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("onnx and int8 are left out: this model cannot be exported")
    assert head.split() == ["seconds", *scoring.STAGES, "torch", "bfloat16", "plain"]


def test_a_folder_without_videos_and_an_unknown_encoder_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert "no .mp4 file in" in error_line(monkeypatch, capsys, scoring, tmp_path)
    (tmp_path / "empty.mp4").touch()
    line = error_line(monkeypatch, capsys, scoring, tmp_path, "--model_name", "resnet1")
    assert "unknown --model_name 'resnet1'" in line
