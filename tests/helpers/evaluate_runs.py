"""Runs of evaluate.py in this process."""

from functools import partial
from pathlib import Path

import pytest

import evaluate
from scoring import metrics
from tests.helpers.commands import run_here

draw_intervals = metrics.intervals


def run(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    """Call evaluate.py in this process with few bootstrap draws; return its exit code."""
    monkeypatch.setattr(metrics, "intervals", partial(draw_intervals, repetitions=50))
    return run_here(monkeypatch, evaluate.main, "--workers", "0", "--device", "cpu", *words)
