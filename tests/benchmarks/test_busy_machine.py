"""Rates beside busy processes, with another way of waiting."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import busy_machine
from benchmarks.busy_machine import measure, others, print_table
from common import threads
from tests.benchmarks.commands import run


def test_the_settings_reach_the_measured_process_and_the_others_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    def record(command: list[str], **given: object) -> SimpleNamespace:
        seen.append(given["env"])
        return SimpleNamespace(stdout='{"training": 2.0}')

    monkeypatch.setattr(busy_machine.subprocess, "run", record)
    for wait in busy_machine.WAITS:
        assert measure(Path("a.mp4"), wait, 1.0, busy=False) == {"training": 2.0}
    assert [env[threads.SPINS] for env in seen] == ["3000", "300000"]
    with others(2) as started:
        assert [process.poll() for process in started] == [None, None]
    assert all(process.poll() is not None for process in started)


def test_the_table_compares_with_the_fair_share(capsys: pytest.CaptureFixture) -> None:
    found = {
        "ours, alone": [{"training": 4.0}, {"training": 2.0}, {"training": 9.0}],
        "ours, beside others": [{"training": 1.8}],
        "default, alone": [{"training": 5.0}],
        "default, beside others": [{"training": 0.5}],
    }
    print_table(found)
    rows = {line[:28].strip(): line[28:].strip() for line in capsys.readouterr().out.splitlines()}
    assert rows["ours, alone"] == "4.000"
    assert rows["ours, of the fair share"] == "90%"
    assert rows["default, of the fair share"] == "20%"
    assert rows["alone, ours / default"] == "80.0%"


@pytest.mark.slow
def test_every_work_gets_a_rate(
    talking_heads: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    video = talking_heads / "new" / "new_real.mp4"
    assert run(monkeypatch, busy_machine, "--seconds", "0.1", "--measure", video) == 0
    rates = busy_machine.json.loads(capsys.readouterr().out)
    assert rates.keys() == {"training", "extraction", "reading", "scoring"}
    assert min(rates.values()) > 0
