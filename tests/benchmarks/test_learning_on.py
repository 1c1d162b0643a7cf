"""A method that is added later, with the demo's own commands and made-up scores."""

from pathlib import Path

import pytest

from benchmarks import learning_on
from datasets import manifest
from tests.benchmarks.commands import flag_values, parse, record_stages, run, write_auc
from tests.helpers.crop_sets import write_crop_set


def test_gain_and_forgetting_are_pooled_over_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def preprocess(command: list[str]) -> None:
        folder = Path(flag_values(command)["--output"])
        write_crop_set(folder, {"train": 2, "val": 2, "test": 8}, fakes_each=2, frames=1)

    commands = record_stages(monkeypatch, preprocess=preprocess, evaluate=write_results)
    words = ["--seeds", "0,1", "--method", "method2", "--output", tmp_path]
    assert run(monkeypatch, learning_on, *words) == 0
    said = capsys.readouterr().out
    assert "2 seeds, 16 test sources" in said
    assert "new: method2            0.500 → 1.000, +0.500" in said
    assert "old methods             1.000 → 1.000, +0.000" in said
    assert "reals newly called fake: 2 of 16 (12.5%)" in said
    further = parse([c for c in commands if c[0] == "train.py"][1])
    assert further.init_from == tmp_path / "seed_0" / "before" / "best.pt"
    assert further.replay == [(str(tmp_path / "seed_0" / "old.csv"), 0.3)]
    old, new = (manifest.read(tmp_path / "seed_0" / f"{name}.csv").table for name in ("old", "new"))
    assert set(old[old["split"] == "train"]["method"]) == {"", "method1"}
    assert set(new[new["split"] == "train"]["method"]) == {"", "method2"}
    assert set(old[old["split"] == "test"]["method"]) == {"", "method1", "method2"}


def write_results(command: list[str]) -> None:
    """Write an evaluation: before, `method2` is taken for real; after, one real is for fake."""
    flags = parse(command)
    (checkpoint,), (path,) = flags.checkpoint, flags.csv_file
    known = {"", "method1"} if checkpoint.parent.name == "before" else {"", "method1", "method2"}
    table = manifest.read(Path(path)).table
    test = table[table["split"] == "test"].copy()
    fake = (test["method"] != "") & test["method"].isin(known)
    test["p_fake"] = fake.map({True: 0.9, False: 0.1})
    test["verdict"] = fake.map({True: "fake", False: "real"})
    if checkpoint.parent.name == "after":
        test.loc[test.index[test["label"] == manifest.REAL][0], "verdict"] = "fake"
    folder = write_auc(command, "method1", 1.0)
    test.to_csv(folder / "scores.csv", index=False)
