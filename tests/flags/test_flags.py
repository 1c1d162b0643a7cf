"""Flags are answered at once, by the standard library alone."""

import os
import subprocess
import sys
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
    assert f"usage: {name}.py" in run.stdout + run.stderr


def test_a_missing_required_flag_is_answered_with_a_command_that_has_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        args.preprocess_parser().parse_args([])
    assert ended.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "required: --input; for example: python preprocess_dfdc.py --input" in last
