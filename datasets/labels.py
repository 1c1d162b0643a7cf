"""Reads labels that other people wrote: as numbers or as words."""

from datasets.manifest import FAKE, REAL

_LABELS = {"real": REAL, "fake": FAKE, "0": REAL, "1": FAKE, "0.0": REAL, "1.0": FAKE}


def parse_label(text: str) -> int | None:
    """Return the label that `text` means, in any case: REAL or FAKE, 0 or 1. None: unknown."""
    return _LABELS.get(text.strip().lower())
