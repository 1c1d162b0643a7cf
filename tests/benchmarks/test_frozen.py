"""Epochs of the head from stored features and from pixels."""

import pytest

from benchmarks import frozen
from tests.benchmarks.commands import run


@pytest.mark.slow
def test_stored_features_give_the_logits_of_the_encoder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    words = ["--encoder", "shufflenet_v2_x0_5", "--tracks", "4", "--epochs", "1"]
    assert run(monkeypatch, frozen, *words) == 0
    *_, title, computing, pixels, stored, difference = capsys.readouterr().out.splitlines()
    assert title == "shufflenet_v2_x0_5, 4 tracks, seconds:"
    assert computing.startswith("computing all features") and "through the encoder" in pixels
    assert stored.endswith("times as fast")
    assert float(difference.split()[-1]) < 1e-4
