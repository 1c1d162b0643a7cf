"""What may be given anew when a run goes on, what needs --force, and what is refused."""

import csv
import json
from pathlib import Path

import pytest
import torch

import train
from common import checkpointing
from common.errors import UsageError
from common.lock import only_writer
from tests.helpers.train_runs import FLAGS, assert_same, run, stop_at
from training import history, run_folder
from training.optimizer import one_cycle

pytestmark = pytest.mark.slow


@pytest.fixture
def cut(work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with monkeypatch.context() as patch:
        patch.setattr(train, "stop_request", stop_at(2))
        assert run(patch, *FLAGS, "--run_name", "cut") == 143
    return work_dir / "checkpoints/cut"


def test_other_settings_are_listed_need_force_and_then_hold(
    cut: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--resume", "last", "--lr", "0.002", "--weight_decay", "0.5", "--epochs", "4")
    assert run(monkeypatch, *words) == 2
    error = capsys.readouterr().err
    assert "--lr 0.001 → 0.002" in error
    assert "--epochs 3 → 4" in error
    assert "--force" in error
    assert run(monkeypatch, *words, "--force") == 0
    assert json.loads((cut / "args.json").read_text())["lr"] == 0.002
    state = checkpointing.load_with_training(cut / "last.pt")[1]
    assert {group["weight_decay"] for group in state["optimizer"]["param_groups"]} == {0.5}
    with (cut / "history.csv").open(newline="") as file:
        rates = [float(row["lr"]) for row in csv.DictReader(file)]
    expected = [0.002 * one_cycle(3 * epoch / 12) for epoch in (1, 2, 3, 4)]
    assert rates == pytest.approx(expected)


def test_a_run_records_where_each_part_of_it_was_trained(
    cut: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    values = json.loads((cut / "args.json").read_text())
    (first,) = values["environments"]
    other = first | {"instruction_set": "another"}
    (cut / "args.json").write_text(json.dumps(values | {"environments": [other]}))
    assert run(monkeypatch, "--resume", "last") == 0
    assert "warning: another environment (instruction_set another" in capsys.readouterr().out
    assert json.loads((cut / "args.json").read_text())["environments"] == [other, first]


def test_another_measure_of_the_best_epoch_takes_its_checkpoint(
    work_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(monkeypatch, *FLAGS, "--run_name", "cut") == 0
    folder = work_dir / "checkpoints/cut"
    rows = history.read(folder)
    for other in ("val_acc", "val_auc", "val_loss"):
        assert run(monkeypatch, "--resume", "last", "--monitor", other, "--force") == 0
        assert checkpointing.load(folder / "best.pt").epoch == history.best(rows, other).epoch


def test_a_run_of_another_version_is_refused_in_one_line(
    cut: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint, state = checkpointing.load_with_training(cut / "last.pt")
    state.pop("steps")
    checkpointing.save(cut / "last.pt", checkpoint, state)
    assert run(monkeypatch, "--resume", "last") == 2
    assert "another version" in capsys.readouterr().err


def test_a_damaged_training_state_is_one_line(
    cut: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint, state = checkpointing.load_with_training(cut / "last.pt")
    optimizer = state["optimizer"]
    odd_shape = {0: optimizer["state"][0] | {"exp_avg": torch.zeros(3)}}
    damages = {
        "rows": [{"epoch": 1}],
        "steps": "3",
        "position": state["position"] | {"epoch": 7},
        "optimizer": optimizer | {"state": optimizer["state"] | odd_shape},
        "randoms": [{"cpu": torch.zeros(3), "cuda": None}],
    }
    for name, damage in damages.items():
        checkpointing.save(cut / "last.pt", checkpoint, state | {name: damage})
        assert run(monkeypatch, "--resume", "last") == 2, name
        (line,) = capsys.readouterr().err.splitlines()
        assert "last.pt is damaged" in line
    checkpointing.save(cut / "last.pt", checkpoint, state)
    assert run(monkeypatch, "--resume", "last") == 0


def test_another_kind_of_optimizer_cannot_go_on(
    cut: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (cut / "args.json").read_bytes()
    assert run(monkeypatch, "--resume", "last", "--optimizer", "sgd", "--force") == 2
    assert "another --optimizer" in capsys.readouterr().err
    assert (cut / "args.json").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--resume", "last"), "another process is writing to checkpoints/"),
        ((*FLAGS, "--run_name", "cut"), "checkpoints/cut already holds a run"),
        ((*FLAGS, "--run_name", "new"), "another process is writing to checkpoints/"),
    ],
)
def test_a_run_has_one_process_that_trains_it(
    cut: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    reason: str,
) -> None:
    before = (cut / "last.pt").read_bytes()
    new = cut.with_name("new")
    new.mkdir()
    with only_writer(cut), only_writer(new):
        assert run(monkeypatch, *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {reason}")
    assert (cut / "last.pt").read_bytes() == before
    assert not (new / "args.json").exists()


@pytest.mark.parametrize("words", [("--resume", "last"), ()])
def test_seeds_without_a_name_or_with_one_run_to_resume_are_refused(
    cut: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:
    assert run(monkeypatch, "--seeds", "0,1", *words) == 2
    assert "--seeds" in capsys.readouterr().err


def test_sources_of_an_earlier_split_stay_known_as_trained_on(
    cut: Path, work_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """evaluate.py must not take them for unseen."""
    table = work_dir / "data/videos_df.csv"
    before = checkpointing.load(cut / "last.pt").trained_on
    table.write_text(table.read_text().replace('"train0","train"', '"train0","test"'))
    assert run(monkeypatch, "--resume", "last", "--force") == 0
    assert checkpointing.load(cut / "best.pt").trained_on == before
    assert len(before) == 6


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("videos_df.csv", "method1", "method9"),
        ("videos_df.json", '"margin": 0.3', '"margin": 0.6'),
    ],
    ids=["videos", "settings of the crops"],
)
def test_other_data_are_noticed(
    cut: Path,
    work_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    file: str,
    before: str,
    after: str,
) -> None:
    path = work_dir / "data" / file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    assert run(monkeypatch, "--resume", "last") == 2
    error = capsys.readouterr().err
    assert "another manifest" in error
    assert "crop settings" in error


def test_what_changes_no_result_may_be_given_anew(
    cut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--resume", "last", "--log_interval", "1", "--save_every_steps", "2")
    assert run(monkeypatch, *words) == 0


def test_a_finished_run_has_nothing_left_to_do(
    cut: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--resume", "last") == 0
    before = (cut / "epoch_003.pt").read_bytes()
    assert run(monkeypatch, "--resume", "last") == 0
    assert "best epoch" in capsys.readouterr().out
    assert (cut / "epoch_003.pt").read_bytes() == before


def test_resume_with_another_file_of_flags_is_refused(
    cut: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--resume", "last", "--config", str(cut / "args.json")) == 2
    assert "leave out --config" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["last", "nowhere", "checkpoints/cut/epoch_001.pt", ""])
def test_nothing_to_go_on_from_is_one_line(
    work_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert run(monkeypatch, "--resume", name) == 2
    assert capsys.readouterr().err.startswith("error: --resume")


def test_args_json_and_yaml_repeat_a_run(work_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, *FLAGS, "--run_name", "one 😀", "--seed", "7") == 0
    again = ("--config", "checkpoints/one 😀/args.json", "--run_name", "two")
    assert run(monkeypatch, *again) == 0
    assert_same(work_dir / "checkpoints/one 😀", work_dir / "checkpoints/two")


def test_a_sweep_file_trains_every_seed_that_it_names(
    work_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (work_dir / "sweep.yaml").write_text("seeds: [3, 4]\nrun_name: sweep\nepochs: 1\n")
    assert run(monkeypatch, *FLAGS[:-8], "--workers", "0", "--config", "sweep.yaml") == 0
    assert {path.name for path in (work_dir / "checkpoints").iterdir()} == {
        "sweep_seed_3",
        "sweep_seed_4",
    }


def test_a_dry_run_in_a_config_file_stays_one(
    work_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (work_dir / "run.yaml").write_text("dry_run: true\n")
    assert run(monkeypatch, *FLAGS, "--config", "run.yaml") == 0
    assert "clips in" in capsys.readouterr().out
    assert not (work_dir / "checkpoints").exists()


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [", ""])
def test_a_config_that_is_none_is_one_line(
    work_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (work_dir / "run.yaml").write_text(text)
    assert run(monkeypatch, "--config", "run.yaml") == 2
    assert "run.yaml" in capsys.readouterr().err


def test_an_augmentation_file_that_changed_since_is_refused(tmp_path: Path) -> None:
    run_folder.keep_augmentation(tmp_path, "mild", force=False)
    path = tmp_path / "steps.yaml"
    path.write_text("- {step: flip}")
    for _ in range(2):
        run_folder.keep_augmentation(tmp_path, str(path), force=False)
    path.write_text("- {step: grey}")
    with pytest.raises(UsageError, match="has changed since the run was started"):
        run_folder.keep_augmentation(tmp_path, str(path), force=False)
    run_folder.keep_augmentation(tmp_path, str(path), force=True)
    assert (tmp_path / "augmentation.yaml").read_text() == "- {step: grey}"
