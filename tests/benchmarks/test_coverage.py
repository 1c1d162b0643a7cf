"""The simulation of intervals over sources."""

import pytest

from benchmarks import coverage
from tests.benchmarks.commands import run


def test_every_metric_gets_the_share_of_intervals_that_contain_the_true_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(coverage, "LARGE_SAMPLE", 2000)
    words = ["--sources", "10", "--trials", "4", "--repetitions", "20"]
    assert run(monkeypatch, coverage, *words) == 0
    title, *rows = capsys.readouterr().out.splitlines()
    assert title.endswith("4 trials of 10 sources:")
    assert [row.split()[0] for row in rows] == list(coverage.METRICS)
    assert {row.split()[1] for row in rows} <= {"0.0%", "25.0%", "50.0%", "75.0%", "100.0%"}
