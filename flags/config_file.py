"""Flags of train.py from a file: a YAML file, or the args.json of a run."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from common.errors import UsageError, one_line
from flags.train import train_parser

# Flags of one call of train.py; a run's args.json does not store them.
CALL_FLAGS = {"config", "resume", "force", "dry_run", "seeds"}
# Flags that do not change what a run computes.
FREE_FLAGS = CALL_FLAGS | {
    *("run_name", "checkpoints", "keep_checkpoints", "save_every_steps", "log_interval", "workers"),
    "tensorboard",
}
# Flags of earlier versions → the only value that this version still supports.
REMOVED_FLAGS = {"bidirectional": False}


def read_config(path: Path, words: Sequence[str] = ()) -> argparse.Namespace:
    """Return the flags in the file of --config, overridden by those in `words`.

    Raise UsageError for a file that cannot be read, and for a key that is not a flag or cannot be
    in a file.
    """
    return _parse(path, _read_mapping(path), words, refused={"config", "resume"})


def read_run_flags(path: Path, words: Sequence[str] = ()) -> argparse.Namespace:
    """Return the flags in a run's args.json, overridden by those in `words`. Flags of the call that
    wrote the file are ignored. Raise UsageError as `read_config`."""
    values = {k: v for k, v in _read_mapping(path).items() if k not in CALL_FLAGS}
    return _parse(path, values, words, refused=set())


def run_flags(flags: argparse.Namespace) -> dict[str, Any]:
    """Return the flags that a run's args.json stores."""
    return {k: v for k, v in vars(flags).items() if k not in CALL_FLAGS}


def changed_flags(flags: argparse.Namespace, path: Path) -> list[str]:
    """Return the flags that would make a run compute something else than with its args.json."""
    now, before = vars(flags), vars(read_run_flags(path))
    names = sorted(name for name in now.keys() - FREE_FLAGS if now[name] != before[name])
    return [f"--{name} {before[name]} → {now[name]}" for name in names]


def _parse(
    path: Path, values: dict[str, Any], words: Sequence[str], refused: set[str]
) -> argparse.Namespace:
    parser = train_parser()
    actions = {action.dest: action for action in parser._actions if action.dest != "help"}
    written: list[str] = []
    for name, value in values.items():
        if name in REMOVED_FLAGS:
            if value not in (None, REMOVED_FLAGS[name]):
                raise UsageError(f"{path}: --{name} {value} is no longer supported: remove it")
        elif name not in actions or (name in refused and value is not None):
            raise UsageError(f"{path}: {name!r} cannot be set in a file of flags: remove it")
        elif actions[name].nargs == 0:  # a switch
            if value not in (None, True, False):
                raise UsageError(f"{path}: {name} should be true or false, not {value!r}")
            written += [f"--{name}"] * bool(value)
        elif isinstance(value, list):
            written.append(f"--{name}={','.join(map(str, value))}")
        elif value is not None:
            written.append(f"--{name}={value}")
    return parser.parse_args([*written, *words])


def _read_mapping(path: Path) -> dict[str, Any]:
    import yaml  # JSON is YAML

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path} cannot be read: {one_line(error)}") from error
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise UsageError(f"{path} should contain flags by name, such as 'epochs: 50'")
    return values
