"""Judges video files. For Python programs: `from inference import Detector` (inference/api.py)."""

from typing import Any

__all__ = ["Detector", "Verdict"]


def __getattr__(name: str) -> Any:
    """Import `Detector` and `Verdict` at the first access: it takes seconds, and score.py starts
    the process that reads videos before that."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from inference import api

    return getattr(api, name)
