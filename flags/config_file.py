"""Reads the flags of train.py from a file: a YAML file, or the args.json of a run."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common import foreign
from common.errors import UsageError
from flags.train import train_parser

# Flags that apply to a single call of train.py; a run's args.json does not store them.
CALL_FLAGS = {"config", "resume", "force", "dry_run", "seeds", "model_names"}
# Flags that do not change the result of a run; they may differ when it is resumed.
FREE_FLAGS = CALL_FLAGS | {
    *("run_name", "checkpoints", "keep_checkpoints", "save_every_steps", "log_interval", "workers"),
    "tensorboard",
}
# The key of args.json that records where the run was trained: not a flag.
ENVIRONMENTS = "environments"
# Removed flags → the only value that is still accepted in a file.
REMOVED_FLAGS = {"bidirectional": False}


def read_config(path: Path, words: Sequence[str] = ()) -> argparse.Namespace:
    """Return all flags: the defaults, overridden by the --config file at `path`, overridden by the
    command-line arguments `words`.

    Raise DataError if the file cannot be read, UsageError if a key is not a flag or is not allowed
    in a file.
    """
    return _parse(path, _read_mapping(path), words, refused={"config", "resume"})


def config_names(path: Path) -> set[str]:
    """Return the names of the flags in a --config file. Raise DataError if it cannot be read."""
    return set(_read_mapping(path))


def read_run_flags(path: Path, words: Sequence[str] = ()) -> argparse.Namespace:
    """Return all flags of a run: those in its args.json at `path`, overridden by the command-line
    arguments `words`. Keys in CALL_FLAGS are ignored.

    Raise DataError if the file cannot be read, UsageError if a key is not a flag.
    """
    values = {k: v for k, v in _read_mapping(path).items() if k not in CALL_FLAGS}
    return _parse(path, values, words, refused=set())


def read_environments(path: Path) -> list[dict[str, Any]]:
    """Return the environments recorded in a run's args.json at `path`, the newest last; none if an
    earlier version wrote it. Raise UsageError if the file or the record cannot be read."""
    recorded = _read_mapping(path).get(ENVIRONMENTS, [])
    if not isinstance(recorded, list) or not all(isinstance(one, dict) for one in recorded):
        raise UsageError(f"{path}: {ENVIRONMENTS} is not a list of records: remove it")
    return recorded


def run_flags(flags: argparse.Namespace) -> dict[str, Any]:
    """Return the flags to store in a run's args.json: all except CALL_FLAGS."""
    return {k: v for k, v in vars(flags).items() if k not in CALL_FLAGS}


def changed_flags(flags: argparse.Namespace, path: Path) -> list[str]:
    """Return the `flags` that differ from the run's args.json at `path` in a way that changes the
    result, each as text such as '--lr 0.01 → 0.02'."""
    now, before = vars(flags), vars(read_run_flags(path))
    names = sorted(name for name in now.keys() - FREE_FLAGS if now[name] != before[name])
    return [f"--{name} {before[name]} → {now[name]}" for name in names]


def _parse(
    path: Path, values: dict[str, Any], words: Sequence[str], refused: set[str]
) -> argparse.Namespace:
    """Parse `values` from the file `path`, and then the command-line arguments `words`. Raise
    UsageError if a key is not a flag, is in `refused`, or sets a switch to a non-boolean value."""
    parser = train_parser()
    actions = {action.dest: action for action in parser._actions if action.dest != "help"}
    written: list[str] = []
    for name, value in values.items():
        if name == ENVIRONMENTS:
            continue
        if name in REMOVED_FLAGS:
            if value not in (None, REMOVED_FLAGS[name]):
                raise UsageError(f"{path}: --{name} {value} is no longer supported: remove it")
        elif name not in actions or (name in refused and value is not None):
            raise UsageError(f"{path}: {name!r} cannot be set in this file: remove it")
        elif actions[name].nargs == 0:  # a switch
            if value not in (None, True, False):
                raise UsageError(f"{path}: {name} must be true or false, not {value!r}")
            written += [f"--{name}"] * bool(value)
        elif isinstance(value, list) and actions[name].nargs == "+":
            written += [f"--{name}", *map(str, value)] if value else []
        elif isinstance(value, list):
            written.append(f"--{name}={','.join(map(str, value))}")
        elif value is not None:
            written.append(f"--{name}={value}")
    return parser.parse_args([*written, *words])


def _read_mapping(path: Path) -> dict[str, Any]:
    values = foreign.read_yaml(path)  # JSON is YAML
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise UsageError(f"{path} must map names of flags to values, such as 'epochs: 50'")
    return values
