"""Flags from a file: none is dropped in silence."""

from pathlib import Path

import pytest

import args
from common.errors import UsageError


def config(folder: Path, text: str) -> Path:
    path = folder / "run.yaml"
    path.write_text(text)
    return path


def test_flags_on_the_command_line_override_the_file(tmp_path: Path) -> None:
    path = config(tmp_path, "epochs: 3\nlr: 0.002\npretrained: false\n")
    flags = args.read_config(path, ["--lr", "0.003"])
    assert (flags.epochs, flags.lr, flags.pretrained) == (3, 0.003, False)


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("seeds: [0, 1]", "seeds", [0, 1]),
        ("seeds: 0,1", "seeds", [0, 1]),
        ("dry_run: true", "dry_run", True),
        ("dry_run: false", "dry_run", False),
        ("force: true", "force", True),
        ("encoder_lr: null", "encoder_lr", None),
        ("bidirectional: false", "epochs", 50),
    ],
)
def test_every_key_takes_effect(tmp_path: Path, text: str, name: str, value: object) -> None:
    assert getattr(args.read_config(config(tmp_path, text)), name) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch: 3", "'epoch' cannot be set in this file"),
        ("resume: last", "'resume' cannot be set"),
        ("config: other.yaml", "'config' cannot be set"),
        ("help: true", "'help' cannot be set"),
        ("dry_run: 3", "dry_run must be true or false"),
        ("bidirectional: true", "--bidirectional True is no longer supported"),
        ("1: 2", "must map names of flags to values"),
    ],
)
def test_a_key_without_effect_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        args.read_config(config(tmp_path, text))


def test_the_flags_of_the_call_that_began_a_run_are_not_its_own(tmp_path: Path) -> None:
    path = config(tmp_path, "epochs: 7\nresume: last\nforce: true\nseeds: null\n")
    flags = args.read_run_flags(path, ["--lr", "0.01"])
    assert (flags.epochs, flags.lr, flags.resume, flags.force) == (7, 0.01, None, False)
    assert {"resume", "force", "dry_run", "seeds", "config"}.isdisjoint(args.run_flags(flags))


def test_the_record_of_where_a_run_was_trained_is_no_flag(tmp_path: Path) -> None:
    path = config(tmp_path, "epochs: 7\nenvironments: [{torch_threads: 2}]\n")
    assert args.read_environments(path) == [{"torch_threads": 2}]
    for flags in (args.read_config(path), args.read_run_flags(path)):
        assert flags.epochs == 7 and "environments" not in vars(flags)
        assert args.changed_flags(flags, path) == []
    assert args.read_environments(config(tmp_path, "epochs: 7\n")) == [], "an earlier version's"
    with pytest.raises(UsageError, match="not a list of records"):
        args.read_environments(config(tmp_path, "environments: 3\n"))


def test_only_flags_that_change_results_are_listed_as_changed(tmp_path: Path) -> None:
    path = config(tmp_path, "epochs: 7\nlr: 0.01\nworkers: 3\n")
    flags = args.read_run_flags(path, ["--lr", "0.02", "--workers", "0", "--log_interval", "1"])
    assert args.changed_flags(flags, path) == ["--lr 0.01 → 0.02"]


def test_a_list_of_manifests_with_commas_in_their_names_stays_a_list(tmp_path: Path) -> None:
    text = "csv_file: ['a,b.csv', c.csv]\nshares: [2, 1]\n"
    flags = args.read_config(config(tmp_path, text))
    assert (flags.csv_file, flags.shares) == (["a,b.csv", "c.csv"], [2.0, 1.0])


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("", [], (1, "none")),
        ("clip_frames: 4", [], (4, "none")),
        ("", ["--temporal", "lstm"], (1, "lstm")),
    ],
)
def test_an_image_is_one_frame_unless_the_file_or_the_command_line_say_otherwise(
    tmp_path: Path, text: str, words: list[str], expected: tuple[int, str]
) -> None:
    path = config(tmp_path, f"dataset: image\n{text}\n")
    flags = args.read_config(path, words)
    args.set_image_flags(flags, args.config_names(path) | args.given_flags(words))
    assert (flags.clip_frames, flags.temporal) == expected
