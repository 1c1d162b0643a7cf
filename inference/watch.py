"""Folders that videos arrive in: each is judged once (score.py --watch)."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from inference.inputs import videos_under
from inference.ledger import Ledger, State, state
from inference.video_score import VideoScore

PAUSE = 2.0  # seconds between two looks; what changed between them is still being written
ASK = 0.1  # seconds in which a request to stop is noticed


def looks(stop: Callable[[], bool]) -> Iterator[None]:
    """One every PAUSE seconds, until `stop`."""
    while not stop():
        yield
        end = time.monotonic() + PAUSE
        while time.monotonic() < end and not stop():
            time.sleep(ASK)


def watch(
    folders: Sequence[Path],
    judge: Callable[[Path], VideoScore],
    ledger: Ledger,
    say: Callable[[VideoScore], None],
    looks: Iterable[object],
    stop: Callable[[], bool],
) -> None:
    """At every one of `looks`, judge what has come into `folders`, unless `ledger` knows it, and
    `say` it. A file has come when two looks find it the same. `stop` is asked after every file."""
    before: dict[Path, State] = {}
    done = {path: seen for known in ledger if (seen := state(path := Path(known.video)))}
    for _ in looks:
        now = {path: seen for f in folders for path in videos_under(f) if (seen := state(path))}
        for path, seen in now.items():
            if seen != before.get(path) or seen == done.get(path):
                continue
            score = _score(path, judge, ledger)
            if state(path) != seen:  # changed or gone while it was judged
                continue
            done[path] = seen
            say(score)
            if stop():
                return
        before = now


def _score(path: Path, judge: Callable[[Path], VideoScore], ledger: Ledger) -> VideoScore:
    before = state(path)
    try:
        digest = ledger.digest(path)
    except OSError:  # no right to read it, or it is gone
        return judge(path)
    score = ledger.find(digest, path)
    if score is None:
        score = judge(path)
        # What could not be read may have met a passing lack of memory or of open files.
        if state(path) == before and score.verdict != "unreadable":
            ledger.add(digest, score)
    return score
