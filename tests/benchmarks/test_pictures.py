"""The benchmark of still images, on a few."""

import pytest

from benchmarks import pictures
from tests.benchmarks.commands import run


@pytest.mark.slow
def test_every_way_to_prepare_and_to_train_has_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert run(monkeypatch, pictures, "--count", "60") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["prepared:"] * 3 + ["trained:"] * 2
    assert all(int(line.split()[1]) > 0 for line in lines)
