"""The recipes for still images: flags of train.py, which run."""

from pathlib import Path

import pytest

from datasets import manifest as manifests
from flags import config_file
from tests.helpers import train_runs
from tests.helpers.crop_sets import write_crop_set

ROOT = Path(__file__).parents[1]
RECIPES = sorted(path for path in (ROOT / "recipes").glob("*.yaml") if path.stem != "augmentation")
# A few pictures need no large batch, and no downloaded weights.
SMALL = ("--pretrained", "False", "--crop_size", "64", "--batch_size", "4", "--accumulate", "1")


def give_classes(path: Path) -> None:
    """Turn the labels of a manifest into classes."""
    data = manifests.read(path)
    names = data.table["label"].map(lambda label: ("cats", "dogs")[label])
    manifests.write(path, data.table.assign(**{"label": 0, "class": names}))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_a_command_that_runs(
    recipe: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    manifest = write_crop_set(tmp_path, {"train": 4, "val": 2}, fakes_each=1, frames=1)
    flags = config_file.read_config(recipe)
    assert flags.temporal == "none", "a picture has no time"
    if flags.task == "content":
        give_classes(manifest)
    monkeypatch.chdir(ROOT)
    words = ("--config", str(recipe), "--csv_file", str(manifest), *SMALL, "--dry_run")
    assert train_runs.run(monkeypatch, *words, "--workers", "0", "--device", "cpu") == 0
    assert "step" in capsys.readouterr().out
