"""Commands of this repository called by tests, in this process or in a process of their own."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common import errors

ROOT = Path(__file__).resolve().parents[2]


def run_here(monkeypatch: pytest.MonkeyPatch, main: Callable[[], int], *words: str | Path) -> int:
    """Call an entry point in this process, which saves a start; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["command.py", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        errors.run(main)
    return int(ended.value.code or 0)


def run_process(
    script: str, *words: str | Path, cwd: Path = ROOT, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a script of the root in a process of its own."""
    return subprocess.run(
        [sys.executable, str(ROOT / script), *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
