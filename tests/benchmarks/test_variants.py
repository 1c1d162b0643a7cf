"""Values of a flag compared over seeds, with runs of the demo's own commands."""

from pathlib import Path

import pytest

from benchmarks import demo_runs, variants
from tests.benchmarks.commands import (
    flag_values,
    parse,
    record_stages,
    run,
    touch_manifest,
    write_auc,
)

AUC = {"lstm": 0.5, "gru": 0.75}


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands called so far; each writes the files that the benchmark reads."""

    def evaluate(command: list[str]) -> None:
        (path,) = parse(command).checkpoint
        write_auc(command, "flicker", AUC[path.parent.name.removeprefix("temporal_")])

    return record_stages(monkeypatch, preprocess=touch_manifest, evaluate=evaluate)


def test_every_value_gets_a_row_with_mean_and_spread_over_seeds(
    stages: list[list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    words = ["temporal", "lstm,gru", "--seeds", "0,1", "--epochs", "2", "--sources", "3"]
    assert run(monkeypatch, variants, *words, "--output", tmp_path) == 0
    _, _, head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["--temporal", "flicker", "mean"]
    assert [row.split() for row in rows] == [
        ["lstm", "0.500", "±", "0.000", "0.500", "±", "0.000"],
        ["gru", "0.750", "±", "0.000", "0.750", "±", "0.000"],
    ]
    trainings = [parse(command) for command in stages if command[0] == "train.py"]
    assert [(flags.temporal, flags.seed) for flags in trainings] == [
        *(("lstm", 0), ("gru", 0)),
        *(("lstm", 1), ("gru", 1)),
    ]
    assert {flags.epochs for flags in trainings} == {2}
    generated = [flag_values(command) for command in stages if "demo.generate" in command]
    assert [values["--sources"] for values in generated] == ["3", "3"]


def test_the_spread_is_the_standard_deviation_over_seeds() -> None:
    runs = [{"flicker": 0.5 + step, "low_resolution": 0.9 + step} for step in (0.0, 0.1)]
    _, head, row = variants.report("temporal", {"gru": runs}, [0, 1])
    assert head.split() == ["--temporal", "flicker", "low_resolution", "mean"]
    cells = row.removeprefix("gru").split()
    assert cells[::3] == ["0.550", "0.950", "0.750"] and cells[2::3] == ["0.071"] * 3


def test_a_complete_run_is_used_again(stages: list[list[str]], tmp_path: Path) -> None:
    data = tmp_path / "videos_df.csv"
    for _ in range(2):
        aucs = demo_runs.train_and_test(data, "temporal_gru", 3, ["--temporal", "gru"])
        assert aucs == {"flicker": 0.75}
    train, evaluate = stages
    flags = parse(train)
    assert (flags.temporal, flags.seed, flags.run_name) == ("gru", 3, "temporal_gru")
    assert parse(evaluate).checkpoint == [tmp_path / "temporal_gru/best.pt"]
