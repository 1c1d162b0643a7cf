"""Folders that videos arrive in: each is judged once (score.py --watch)."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from preprocessing import VIDEO_ENDINGS
from scoring.ledger import Ledger
from scoring.video import VideoScore

PAUSE = 2.0  # seconds between two looks; what changed between them is still being written
ASK = 0.1  # seconds in which a request to stop is noticed

State = tuple[int, int]  # of a file: size, time of its last change


def videos_under(folder: Path) -> list[Path]:
    """By name."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() in VIDEO_ENDINGS)


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
    done: dict[Path, State] = {
        path: state
        for score in ledger
        if (state := _state(path := Path(score.video))) and ledger.find(path)
    }
    for _ in looks:
        now = {path: state for f in folders for path in videos_under(f) if (state := _state(path))}
        for path, state in now.items():
            if state != before.get(path) or state == done.get(path):
                continue
            done[path] = state
            try:
                say(_score(path, judge, ledger))
            except FileNotFoundError:  # moved away meanwhile
                continue
            if stop():
                return
        before = now


def _score(path: Path, judge: Callable[[Path], VideoScore], ledger: Ledger) -> VideoScore:
    score = ledger.find(path)
    if score is None:
        score = judge(path)
        ledger.add(path, score)
    return score


def _state(path: Path) -> State | None:
    """None for a file that is gone."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns
