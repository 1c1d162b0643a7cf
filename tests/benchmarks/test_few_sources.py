"""The simulation of calibrations on few sources."""

import pytest

from benchmarks import few_sources
from scoring.calibrate import MIN_SOURCES
from tests.benchmarks.commands import run


def test_every_number_of_sources_gets_a_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert run(monkeypatch, few_sources, "--trials", "3", "--new", "50") == 0
    _, *rows = capsys.readouterr().out.splitlines()
    assert [int(row.split()[0]) for row in rows] == list(few_sources.SOURCES)


def test_the_smallest_number_that_is_called_calibrated_is_worth_a_calibration() -> None:
    few, ece, rates = few_sources.measure(3, trials=60, new=500, seed=0)
    enough, better_ece, better_rates = few_sources.measure(MIN_SOURCES, 60, 500, seed=0)
    assert enough < 0.15 < 0.5 < few
    assert better_ece < ece and better_rates < 0.15 < rates
