"""Flags are answered at once, by the standard library alone."""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import args


@pytest.mark.parametrize("name", ["preprocess_dfdc", "train", "evaluate", "score"])
@pytest.mark.parametrize(("flag", "code"), [("--help", 0), ("--no_such_flag", 2)])
@pytest.mark.slow
def test_help_and_wrong_flags_are_answered_before_anything_slow_is_imported(
    tmp_path: Path, repository: Path, name: str, flag: str, code: int
) -> None:
    for slow in ("torch", "pandas", "cv2", "numpy"):
        (tmp_path / f"{slow}.py").write_text(f"raise SystemExit('{slow} was imported')\n")
    run = subprocess.run(
        [sys.executable, str(repository / f"{name}.py"), flag],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == code, run.stderr
    assert "imported" not in run.stderr
    if code:
        (line,) = run.stderr.splitlines()
        assert line.startswith("error: ")
    else:
        assert f"usage: {name}.py" in run.stdout


@pytest.mark.parametrize(
    ("parse", "words", "missing"),
    [
        (args.preprocess_parser().parse_args, [], "--input"),
        (args.parse_score_flags, ["--checkpoint", "best.pt"], "PATH"),
    ],
)
def test_a_missing_flag_is_answered_with_the_shortest_command_that_works(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    parse: Callable[[], argparse.Namespace],
    words: list[str],
    missing: str,
) -> None:
    monkeypatch.setattr(sys, "argv", ["program", *words])
    with pytest.raises(SystemExit) as ended:
        parse()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    text, _, command = line.partition("; the shortest command: ")
    assert text == f"error: the following arguments are required: {missing}"
    monkeypatch.setattr(sys, "argv", command.split()[1:])
    parse()  # the command parses
