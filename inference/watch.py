"""Watches folders and judges every new video once (score.py --watch)."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from inference.inputs import videos_under
from inference.ledger import FileState, Ledger, file_state
from inference.video_score import VideoScore

PAUSE = 2.0  # seconds between two scans; a file that changes in between is still being written


def scans() -> Iterator[None]:
    """Yield None when a scan is due: at once, and then again PAUSE seconds after the caller has
    finished the previous scan."""
    while True:
        yield
        time.sleep(PAUSE)


def watch(
    folders: Sequence[Path],
    judge: Callable[[Path], VideoScore],
    ledger: Ledger,
    report: Callable[[VideoScore], None],
    scans: Iterable[object],
) -> None:
    """Scan `folders` once per item of `scans`, and pass the result of every new or changed video to
    `report`. If `ledger` has a result for the same content, that is used; else `judge` is called
    and its result is stored. A file is left alone until two successive scans find it unchanged."""
    before: dict[Path, FileState] = {}
    done = {path: state for known in ledger if (state := file_state(path := Path(known.video)))}
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
            score = _score(path, judge, ledger)
            if file_state(path) != state:  # changed or deleted while it was judged
                continue
            done[path] = state
            report(score)
        before = now


def _score(path: Path, judge: Callable[[Path], VideoScore], ledger: Ledger) -> VideoScore:
    """Return the ledger's result for the content of `path`. If there is none, judge the file, and
    store the result unless the file has changed or could not be read."""
    before = file_state(path)
    try:
        digest = ledger.digest(path)
    except OSError:  # no permission to read it, or it is gone
        return judge(path)
    score = ledger.find(digest, path)
    if score is None:
        score = judge(path)
        # The cause may be temporary, such as a lack of memory.
        if file_state(path) == before and score.verdict not in ("unreadable", "timeout"):
            ledger.add(digest, score)
    return score
