"""Benchmarks called in this process, and checks of the commands that they call."""

import argparse
import itertools
import sys
from pathlib import Path
from types import ModuleType

import pytest

import args
from common import errors

PARSERS = {
    "preprocess_dfdc.py": args.preprocess_parser,
    "train.py": args.train_parser,
    "evaluate.py": args.evaluate_parser,
    "score.py": args.score_parser,
}


def run(monkeypatch: pytest.MonkeyPatch, benchmark: ModuleType, *words: str | Path) -> int:
    """Return the exit code of a benchmark that is called with `words`."""
    monkeypatch.setattr(sys, "argv", [benchmark.__name__, *map(str, words)])
    return benchmark.main()


def error_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    benchmark: ModuleType,
    *words: str | Path,
) -> str:
    """Return the error of a benchmark that must end with exactly one line and exit code 2."""
    monkeypatch.setattr(sys, "argv", [benchmark.__name__, *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        errors.run(benchmark.main)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line


def parse(command: list[str]) -> argparse.Namespace:
    """Return the flags of a command of this repository, as its own parser reads them."""
    script, *words = command
    return PARSERS[script]().parse_args(words)


def flag_values(command: list[str]) -> dict[str, str]:
    """Return the word that follows each word of a command; of a repeated flag the last one."""
    return dict(itertools.pairwise(command))
