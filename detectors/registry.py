"""The registry of trained detectors: which one is in production, and which ones were before.

A plain file, checkpoints/registry.json: the history of promotions, the newest last. A detector is a
candidate until it is promoted, then in production, and archived when another one is promoted.
"""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from common import foreign
from common.errors import DataError, UsageError
from common.files import sha256, write_text

PRODUCTION = "production"  # as --checkpoint: the detector that was promoted last
FILE = "registry.json"


@dataclass(frozen=True)
class Promotion:
    """A detector that was put into production."""

    path: str  # absolute
    sha256: str  # of its file; that of one that ships has the SHA-256 of its weights in it
    since: float  # seconds since 1970


class Registry:
    """The history of promotions in a folder of runs."""

    def __init__(self, checkpoints: Path) -> None:
        self.checkpoints = checkpoints
        self.file = checkpoints / FILE

    def history(self) -> list[Promotion]:
        """Return all promotions, the newest last. Raise DataError if the file is damaged."""
        if not self.file.exists():
            return []
        values = foreign.read_json(self.file)
        try:
            history = [Promotion(**entry) for entry in values["promotions"]]
        except (TypeError, KeyError) as error:
            raise DataError(f"{self.file} is no registry of detectors") from error
        for entry in history:
            texts = isinstance(entry.path, str) and isinstance(entry.sha256, str)
            if not texts or not isinstance(entry.since, int | float):
                raise DataError(f"{self.file} is no registry of detectors")
        return history

    def stage(self, path: Path) -> str:
        """Return the stage of a detector: production, archived or candidate. A run that was trained
        again after its promotion is a candidate."""
        history, path = self.history(), path.resolve()
        entries = [entry for entry in history if Path(entry.path) == path]
        if not entries or entries[-1].sha256 != sha256(path):
            return "candidate"
        return PRODUCTION if entries[-1] == history[-1] else "archived"

    def promote(self, path: Path) -> None:
        """Put a detector into production, unless it is; the one before is archived."""
        entry = Promotion(str(path.resolve()), sha256(path), time.time())
        history = self.history()
        if not history or (history[-1].path, history[-1].sha256) != (entry.path, entry.sha256):
            self._write([*history, entry])

    def rollback(self) -> Promotion:
        """Put the detector into production that was before the one that is now, and return it.
        Raise UsageError if there is none."""
        history = self.history()
        if len(history) < 2:
            raise UsageError("there is no earlier detector to go back to")
        self._check(history[-2])
        self._write(history[:-1])
        return history[-2]

    def production(self) -> Path:
        """Return the file of the detector in production. Raise UsageError if there is none, or if
        it has changed since it was promoted."""
        history = self.history()
        if not history:
            raise UsageError(
                "no detector is in production: python -m detectors promote checkpoints/RUN/best.pt"
            )
        return self._check(history[-1])

    def _check(self, entry: Promotion) -> Path:
        """Return the file of a promoted detector. Raise UsageError if it is not as it was."""
        path = Path(entry.path)
        if not path.is_file() or sha256(path) != entry.sha256:
            raise UsageError(
                f"{path} is gone, or has changed since it was promoted: promote it again, or "
                "another one"
            )
        return path

    def _write(self, history: list[Promotion]) -> None:
        self.checkpoints.mkdir(exist_ok=True)
        values = {"promotions": [asdict(entry) for entry in history]}
        write_text(self.file, json.dumps(values, indent=1) + "\n")
