"""Runs of evaluate.py in this process."""

from functools import cache, partial
from pathlib import Path

import pytest

import evaluate
from common.figures import axes_as_png
from evaluation import plots
from scoring import metrics
from tests.helpers.commands import run_here

draw_intervals = metrics.intervals


def run(monkeypatch: pytest.MonkeyPatch, *words: str | Path, draw: bool = False) -> int:
    """Call evaluate.py in this process with few bootstrap draws; return its exit code. Without
    `draw`, one plot stands for all plots of an evaluation: they take half of the time."""
    monkeypatch.setattr(metrics, "intervals", partial(draw_intervals, repetitions=20))
    if not draw:
        monkeypatch.setattr(plots, "plot_split", lambda *_: {"scores": _empty_plot()})
    return run_here(monkeypatch, evaluate.main, "--workers", "0", "--device", "cpu", *words)


@cache
def _empty_plot() -> bytes:
    with axes_as_png(1, 1) as (_, png):
        pass
    return png.data
