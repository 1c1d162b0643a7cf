"""Selection by name from a literal dict, with an error that suggests the nearest name."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from common.errors import UsageError

T = TypeVar("T")


def select(kind: str, name: str, choices: Mapping[str, T]) -> T:
    """Return `choices[name]`. Raise UsageError with all choices and the nearest one; `kind` says
    what is chosen, such as a flag."""
    if name in choices:
        return choices[name]
    hint = suggest(name, choices)
    raise UsageError(f"unknown {kind} {name!r}: choose from {', '.join(choices)}{hint}")


def suggest(name: str, choices: Iterable[str]) -> str:
    """Return '; did you mean …?' with the nearest of `choices`, or nothing if none is near."""
    near = difflib.get_close_matches(name, choices, n=1)
    return f"; did you mean {near[0]}?" if near else ""
