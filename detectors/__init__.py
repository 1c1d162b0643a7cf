"""Detectors that ship with the repository, each in a folder of its own (see README.md there)."""

from pathlib import Path

from common.errors import UsageError
from common.registry import suggest
from detectors.registry import PRODUCTION, Registry

FOLDER = Path(__file__).resolve().parent
FILE = "detector.json"
DEFAULT = "lite0"  # used if no --checkpoint is given
CHECKPOINTS = Path("checkpoints")  # the folder of all runs


def names() -> list[str]:
    """Return the names of the detectors that ship."""
    return sorted(path.parent.name for path in FOLDER.glob(f"*/{FILE}"))


def paths(checkpoints: Path) -> list[Path]:
    """Return the files of all detectors: those that ship, and the best of each run in a folder."""
    shipped = [FOLDER / name / FILE for name in names()]
    return [*shipped, *sorted(path.resolve() for path in checkpoints.glob("*/best.pt"))]


def find(checkpoint: Path | None) -> Path:
    """Return the file of a detector: `checkpoint` is its path or, for a detector that ships, its
    name, or PRODUCTION for the one that was promoted last (detectors/registry.py). None is the
    default detector. Raise UsageError if there is no such file and `checkpoint` looks like a name.
    """
    path = Path(DEFAULT) if checkpoint is None else checkpoint
    name = str(path)
    if name == PRODUCTION:
        return Registry(CHECKPOINTS).production()
    if name in names():
        return FOLDER / name / FILE
    if path.is_dir() and (path / FILE).is_file():
        return path / FILE
    if path.is_file() or path.suffix or len(path.parts) > 1:
        return path
    raise UsageError(
        f"no detector {name!r} ships with the repository, and there is no such file "
        f"(python -m detectors lists them){suggest(name, names())}"
    )
