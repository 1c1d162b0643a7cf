"""Killed runs, with small scripts in place of preprocessing."""

import argparse
import sys
from pathlib import Path

import pytest

from benchmarks import kills
from tests.benchmarks.commands import error_line, parse, run

START = "import os, sys, time; from pathlib import Path; folder = Path(sys.argv[1]); "
# Continues where a killed run has stopped.
RESUMES = START + (
    "folder.mkdir(exist_ok=True)\n"
    "for name in 'abc': (folder / name).write_text(name), time.sleep(0.05)"
)
DIFFERS = START + "folder.mkdir(exist_ok=True); (folder / 'a').write_bytes(os.urandom(8))"
FAILS = "import sys; sys.exit('error: no such folder')"


def replace_command(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    def make_command(flags: argparse.Namespace, output: Path) -> list[str]:
        return [sys.executable, "-c", script, str(output)]

    monkeypatch.setattr(kills, "make_command", make_command)


def test_the_command_is_one_that_preprocessing_accepts(tmp_path: Path) -> None:
    flags = argparse.Namespace(folder=tmp_path, layout="ffpp")
    python, *command = kills.make_command(flags, tmp_path / "out")
    parsed = parse(command)
    assert python == sys.executable and parsed.layout == "ffpp"
    assert (parsed.undersample, parsed.val_share, parsed.test_share) == (False, 0, 0)


@pytest.mark.slow
def test_runs_that_continue_end_with_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    replace_command(monkeypatch, RESUMES)
    assert run(monkeypatch, kills, "videos", "--kills", "2") == 0
    whole, *killed, result = capsys.readouterr().out.splitlines()
    assert whole.endswith(" s, 3 files")
    assert [line.endswith("videos finished: same bytes") for line in killed] == [True, True]
    assert result == "2 of 2 killed runs ended with the same bytes"


def test_runs_that_write_other_bytes_are_counted_in_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    replace_command(monkeypatch, DIFFERS)
    assert run(monkeypatch, kills, "videos", "--kills", "1") == 1
    assert "DIFFERENT\n0 of 1 killed runs" in capsys.readouterr().out


def test_a_failed_run_is_one_line_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    replace_command(monkeypatch, FAILS)
    line = error_line(monkeypatch, capsys, kills, "videos")
    assert line.endswith("ended with code 1: error: no such folder")
