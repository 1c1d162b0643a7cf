"""Selects an entry of a dict by name, and suggests the most similar name for an unknown one."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from common.errors import UsageError

T = TypeVar("T")


def select(kind: str, name: str, choices: Mapping[str, T]) -> T:
    """Return `choices[name]`. Raise UsageError, with all choices and the most similar one, if there
    is no such name; `kind` says in the message what is selected, such as the name of a flag."""
    if name in choices:
        return choices[name]
    hint = suggest(name, choices)
    raise UsageError(f"unknown {kind} {name!r}: choose from {', '.join(choices)}{hint}")


def suggest(name: str, choices: Iterable[str]) -> str:
    """Return '; did you mean …?' with the most similar of `choices`; empty if none is similar."""
    near = difflib.get_close_matches(name, choices, n=1)
    return f"; did you mean {near[0]}?" if near else ""
