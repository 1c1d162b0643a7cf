"""Choosing by name from a literal dict, with an error that helps."""

import difflib
from collections.abc import Mapping
from typing import TypeVar

from common.errors import UsageError

T = TypeVar("T")


def select(kind: str, name: str, choices: Mapping[str, T]) -> T:
    """Raise UsageError that lists the choices and the nearest match."""
    if name in choices:
        return choices[name]
    near = difflib.get_close_matches(name, choices, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise UsageError(f"unknown {kind} {name!r}: choose from {', '.join(choices)}{hint}")
