"""Benchmarks called in this process, and checks of the commands that they call."""

import argparse
import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import args
from common import errors
from demo import run as demo

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


def record_stages(
    monkeypatch: pytest.MonkeyPatch, **work: Callable[[list[str]], object]
) -> list[list[str]]:
    """Let the stages of the demo do nothing but `work`, stage → function of its command, and return
    the list to which every command is appended."""
    commands: list[list[str]] = []

    def stage(name: str, command: list[str]) -> float:
        commands.append(command)
        if name in work:
            work[name](command)
        return 0.0

    monkeypatch.setattr(demo, "run_stage", stage)
    return commands


def touch_manifest(command: list[str]) -> None:
    """Write an empty manifest where a command of preprocess_dfdc.py would write its own."""
    folder = Path(flag_values(command)["--output"])
    folder.mkdir(parents=True)
    (folder / "videos_df.csv").touch()


def write_auc(command: list[str], method: str, auc: float) -> Path:
    """Write the AUC of one method where a command of evaluate.py would, and return its folder."""
    (path,) = parse(command).checkpoint
    folder = path.with_name("evaluation_test")
    folder.mkdir(parents=True)
    groups = {"method": {method: {"auc": {"value": auc}}}}
    (folder / "metrics.json").write_text(json.dumps({"evaluations": [{"groups": groups}]}))
    return folder
