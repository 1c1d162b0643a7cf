"""The simulation of calibration and priors."""

import pytest

from benchmarks import calibration
from tests.benchmarks.commands import run


def test_p_fake_has_a_lower_loss_when_calibrated_and_lowest_at_the_prior(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    words = ["--validation", "300", "--videos", "2000"]
    assert run(monkeypatch, calibration, *words) == 0
    fitted, head, *rows = capsys.readouterr().out.splitlines()
    assert "fake validation videos" in fitted
    assert head.split()[-3:] == ["ECE", "log", "loss"]
    assert len(rows) == 3 * len(calibration.SHARES)
    losses = [float(row.split()[-1]) for row in rows]
    for uncalibrated, calibrated, at_prior in zip(*[iter(losses)] * 3, strict=True):
        assert uncalibrated > calibrated >= at_prior
