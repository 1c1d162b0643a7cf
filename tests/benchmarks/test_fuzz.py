"""The benchmark of damaged files, at its smallest size, and what it counts as a failure."""

import random
from pathlib import Path

import pytest

from benchmarks import fuzz
from benchmarks.fuzz import Outcome
from inference.worker import DIED
from tests.benchmarks.commands import run
from tests.helpers.extract_here import ExtractorHere


@pytest.mark.slow
def test_damaged_files_take_no_result_from_intact_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(fuzz, "Extractor", ExtractorHere)
    assert run(monkeypatch, fuzz, "--files", "60", "--processes", "1", "--keep", tmp_path) == 0
    *_, died, lost = capsys.readouterr().out.splitlines()
    assert died.endswith(": 0")
    assert lost.endswith(": 0 of 1")
    assert not list(tmp_path.iterdir())


def test_damage_depends_on_its_seed_alone_and_is_of_every_kind() -> None:
    contents = [bytes(range(256)) * 8, b"short"]
    once, again = (
        [fuzz.damage(random.Random(str(n)), contents) for n in range(300)] for _ in range(2)
    )
    assert once == again
    assert not set(contents) & set(once)
    assert {len(data) < 5 for data in once} == {len(data) > 2048 for data in once} == {True, False}


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome(Path("a.mp4"), 0.1, "unreadable", "no film"), 0),
        (Outcome(Path("a.mp4"), 0.1, "died", f"{DIED} (signal 11)"), 1),
        (Outcome(Path("a.mp4"), 30, "timeout", "not done after 30 s"), 1),
        (Outcome(Path("intact.mp4"), 0.1, "no_face", ""), 1),
    ],
)
def test_a_death_a_hang_and_a_lost_result_are_failures(outcome: Outcome, code: int) -> None:
    intact = Path("intact.mp4")
    sound = [Outcome(intact, 0.1, "ok", ""), Outcome(Path("b.mp4"), 0.1, "ok", "")]
    assert fuzz.report([*sound, outcome], intact, 1) == code
