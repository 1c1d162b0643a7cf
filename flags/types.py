"""Types of flag values: functions that convert text, or raise an error that argparse reports."""

import argparse
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def str2bool(text: str) -> bool:
    """Convert 'True' or 'False', case-insensitively. Raise ArgumentTypeError for any other text.

    `type=bool` would not do: bool('False') is True.
    """
    values = {"true": True, "false": False}
    if text.lower() not in values:
        raise argparse.ArgumentTypeError(f"expected True or False, got {text!r}")
    return values[text.lower()]


def at_least(low: int, high: int | None = None) -> Callable[[str], int]:
    """Return a function that converts text to an integer in [low, high]; None: no upper limit."""

    def integer(text: str) -> int:
        value = int(text)
        if value < low or (high is not None and value > high):
            limit = f"at least {low}" if value < low else f"at most {high}"
            raise argparse.ArgumentTypeError(f"must be {limit}, got {value}")
        return value

    return integer


def between(low: float, high: float) -> Callable[[str], float]:
    """Return a function that converts text to a finite number in [low, high]."""

    def number(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be between {low} and {high}, got {text}")
        return value

    return number


def share(text: str) -> tuple[int, int]:
    """Convert 'K/N' to (K, N), such as '2/5' to (2, 5): subset 2 of 5 subsets. Raise
    ArgumentTypeError unless 1 ≤ K ≤ N."""
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    k, n = map(int, match.groups()) if match else (0, 0)
    if not 1 <= k <= n:
        raise argparse.ArgumentTypeError(f"expected K/N with 1 ≤ K ≤ N, got {text!r}")
    return k, n


def replay(text: str) -> tuple[str, float]:
    """Convert 'MANIFEST:SHARE' to the manifest and the share. Raise ArgumentTypeError unless the
    share is a number between 0 and 1."""
    name, _, number = text.rpartition(":")
    with suppress(ValueError):
        if name and 0 < float(number) < 1:
            return name, float(number)
    raise argparse.ArgumentTypeError(
        f"expected MANIFEST:SHARE with a share between 0 and 1, got {text!r}"
    )


def augmentation(text: str) -> str:
    """Return none, mild, strong or the name of a YAML file unchanged. Raise ArgumentTypeError for
    any other text."""
    if text not in ("none", "mild", "strong") and not text.endswith((".yaml", ".yml")):
        raise argparse.ArgumentTypeError(f"expected none, mild, strong or FILE.yaml, got {text!r}")
    return text


def freeze(text: str) -> str | int:
    """Return 'all' or 'none' unchanged, or convert a positive number of stages. Raise
    ArgumentTypeError for any other text."""
    if text in ("all", "none"):
        return text
    if not re.fullmatch(r"[1-9]\d*", text):
        raise argparse.ArgumentTypeError(f"expected all, none or a number of stages, got {text!r}")
    return int(text)


def names(text: str) -> list[str]:
    """Convert 'a,b' to ['a', 'b']. Raise ArgumentTypeError if the text is not a list of distinct
    names."""
    found = text.split(",")
    if not all(found) or len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"expected distinct names such as a,b, got {text!r}")
    return found


def seeds(text: str) -> list[int]:
    """Convert '0,1,2' to [0, 1, 2]. Raise ArgumentTypeError if the text is not a list of distinct
    seeds."""
    if not re.fullmatch(r"\d+(,\d+)*", text) or len(set(text.split(","))) < text.count(",") + 1:
        raise argparse.ArgumentTypeError(f"expected distinct seeds such as 0,1,2, got {text!r}")
    return [int(seed) for seed in text.split(",")]


def url(text: str) -> str:
    """Convert a local folder to a file:// URL, and remove trailing slashes from other URLs. Raise
    ArgumentTypeError if the text is empty or consists of slashes."""
    if not text.strip("/"):
        raise argparse.ArgumentTypeError(f"expected a folder or its URL, got {text!r}")
    return text.rstrip("/") if "://" in text else f"file://{Path(text).expanduser().resolve()}"
