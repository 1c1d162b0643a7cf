"""Watches folders and judges every new video once (score.py --watch)."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.files import FileState, file_state
from inference.inputs import videos_under
from inference.ledger import Ledger
from inference.video_score import VideoScore

PAUSE = 2.0  # seconds between two scans; a file that changes in between is still being written


def scans() -> Iterator[None]:
    """Yield None when a scan is due: at once, and then again PAUSE seconds after the caller has
    finished the previous scan."""
    while True:
        yield
        time.sleep(PAUSE)


@dataclass(frozen=True)
class Judge:
    """Judges one file, unless the ledger has a result for its content."""

    judge: Callable[[Path], VideoScore]
    digest: Callable[[Path], str]  # SHA-256 of a file; empty if it cannot be read
    ledger: Ledger

    def __call__(self, path: Path, state: FileState) -> VideoScore:
        """Return the result for a file in the given state. Store it unless the file has changed
        since, or could not be read: the cause may be temporary, such as a lack of memory."""
        digest = self.ledger.digest(path, state)
        # Only a copy of a known file is read before it is judged, and so twice.
        if digest is None and self.ledger.knows_size(state.size):
            digest = self.digest(path)
        score = self.ledger.find(digest, path) if digest else None
        if score is None:
            score = self.judge(path)
        if score.sha256 and file_state(path) == state:
            self.ledger.add(score, state)
        return score


def watch(
    folders: Sequence[Path],
    judge: Judge,
    report: Callable[[VideoScore], None],
    scans: Iterable[object],
) -> None:
    """Scan `folders` once per item of `scans`, and pass the result of every new or changed video to
    `report`. A file is left alone until two successive scans find it unchanged."""
    before: dict[Path, FileState] = {}
    done = {
        path: state for known in judge.ledger if (state := file_state(path := Path(known.video)))
    }
    for _ in scans:
        now = {
            path: state
            for folder in folders
            for path in videos_under(folder)
            if (state := file_state(path))
        }
        for path, state in now.items():
            if state != before.get(path) or state == done.get(path):
                continue
            score = judge(path, state)
            if file_state(path) != state:  # changed or deleted while it was judged
                continue
            done[path] = state
            report(score)
        before = now
