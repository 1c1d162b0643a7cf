"""For errors: what a folder holds instead of what was expected."""

from pathlib import Path


def seen(root: Path) -> str:
    names = sorted(path.name for path in root.iterdir())
    return (", ".join(names[:5]) + (", …" if len(names) > 5 else "")) or "nothing"
