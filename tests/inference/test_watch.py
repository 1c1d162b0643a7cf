"""What arrives in a folder is judged once: when it is whole, under any name, across restarts."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from common.errors import DataError
from common.files import sha256
from inference.ledger import Ledger
from inference.video_score import FaceScore, FrameScore, VideoScore
from inference.watch import Judge, watch

FRAME = FrameScore(3, None, [1.0, 2.0, 3.0, 4.0], 0.99, 0.8)


def nothing() -> None: ...


class Place:
    """A folder, and what happens in it from look to look."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "in"
        self.folder.mkdir()
        self.checkpoint = folder / "best.pt"
        self.checkpoint.write_bytes(b"weights")
        self.judged: list[str] = []
        self.hashed: list[str] = []  # before judging

    def judge(self, path: Path) -> VideoScore:
        self.judged.append(path.name)
        people = [FaceScore(1, "fake", 0.8, [FRAME])]
        text, digest = path.read_text(), sha256(path)
        return VideoScore(str(path), "fake", 0.8, 8, 0.1, text, people=people, sha256=digest)

    def digest(self, path: Path) -> str:
        self.hashed.append(path.name)
        return sha256(path)

    def ledger(self, settings: str = "{}") -> closing[Ledger]:
        model = sha256(self.checkpoint)
        return closing(Ledger(self.folder.parent / "scores.sqlite", model, settings))

    def look(self, *events: Callable[[], object], settings: str = "{}") -> list[str]:
        """Names of what was said while `events` happened, one before each look."""
        said: list[VideoScore] = []

        def looks() -> Iterator[object]:
            for event in events:
                yield event()

        with self.ledger(settings) as ledger:
            watch([self.folder], Judge(self.judge, self.digest, ledger), said.append, looks())
        return [Path(score.video).name for score in said]

    def put(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_file_that_two_looks_find_the_same_is_judged_once(place: Place) -> None:
    assert place.look(lambda: place.put("a.mp4", "one"), nothing, nothing, nothing) == ["a.mp4"]
    assert place.judged == ["a.mp4"]


def test_what_could_not_be_read_is_tried_again_after_a_restart(place: Place) -> None:
    """It may have met a passing lack of memory."""
    good = place.judge
    place.judge = lambda path: VideoScore(str(path), "unreadable", None, 0, 0.1, "too much memory")
    assert place.look(lambda: place.put("a.mp4", "one"), nothing, nothing) == ["a.mp4"]
    place.judge = good
    assert place.look(nothing, nothing) == ["a.mp4"]
    assert place.judged == ["a.mp4"]


def test_a_file_that_still_grows_is_left_alone(place: Place) -> None:
    texts = ("o", "on", "one")
    grows = [lambda text=text: place.put("a.mp4", text) for text in texts]
    assert place.look(*grows) == []
    assert place.look(nothing, nothing) == ["a.mp4"]


def test_what_was_judged_is_not_after_a_restart_and_is_remembered(place: Place) -> None:
    place.look(lambda: place.put("a.mp4", "one"), nothing)
    assert place.look(nothing, nothing, lambda: place.put("b.mov", "two"), nothing) == ["b.mov"]
    assert place.judged == ["a.mp4", "b.mov"]
    with place.ledger() as ledger:
        first, second = ledger
    assert (Path(first.video).name, first.detail) == ("a.mp4", "one")
    assert first.people == [FaceScore(1, "fake", 0.8, [FRAME])]
    assert Path(second.video).name == "b.mov"


def test_the_same_content_under_another_name_is_said_and_not_decoded_again(place: Place) -> None:
    place.look(lambda: place.put("a.mp4", "one"), nothing)
    assert place.look(lambda: place.put("copy.mp4", "one"), nothing) == ["copy.mp4"]
    assert place.judged == ["a.mp4"]


def test_new_content_under_the_same_name_is_judged(place: Place) -> None:
    place.look(lambda: place.put("a.mp4", "one"), nothing)
    assert place.look(lambda: place.put("a.mp4", "another"), nothing) == ["a.mp4"]
    assert place.judged == ["a.mp4", "a.mp4"]


def test_another_model_or_other_settings_judge_anew(place: Place) -> None:
    place.look(lambda: place.put("a.mp4", "one"), nothing)
    assert place.look(nothing, nothing, settings='{"prior": 0.1}') == ["a.mp4"]
    place.checkpoint.write_bytes(b"other weights")
    assert place.look(nothing, nothing) == ["a.mp4"]
    assert len(place.judged) == 3


def test_a_file_that_changes_while_it_is_judged_is_judged_again_and_not_remembered(
    place: Place,
) -> None:
    place.put("a.mp4", "half")
    judge = place.judge

    def judge_while_it_grows(path: Path) -> VideoScore:
        score = judge(path)
        if len(place.judged) == 1:
            place.put("a.mp4", "whole")
        return score

    place.judge = judge_while_it_grows
    assert place.look(nothing, nothing, nothing, nothing) == ["a.mp4"]
    with place.ledger() as ledger:
        assert [score.detail for score in ledger] == ["whole"]


def test_a_file_that_goes_away_ends_nothing(place: Place) -> None:
    place.put("a.mp4", "one")
    place.put("b.mp4", "two")
    judge = place.judge

    def judge_as_it_goes(path: Path) -> VideoScore:
        score = judge(path)
        (place.folder / "a.mp4").unlink(missing_ok=True)
        return score

    place.judge = judge_as_it_goes
    assert place.look(nothing, nothing) == ["b.mp4"]


def test_a_file_that_cannot_be_read_is_said_to_be_and_ends_nothing(place: Place) -> None:
    judge = place.judge

    def judge_what_may_be_read(path: Path) -> VideoScore:
        if path.name == "a.mp4":
            return VideoScore(str(path), "unreadable", None, 0, 0.1, "no permission to read it")
        return judge(path)

    place.judge = judge_what_may_be_read
    place.digest = lambda path: ""
    place.put("a.mp4", "one")
    place.put("b.mp4", "two")
    assert place.look(nothing, nothing, nothing) == ["a.mp4", "b.mp4"]
    with place.ledger() as ledger:
        assert [Path(score.video).name for score in ledger] == ["b.mp4"]


def test_a_new_file_is_read_before_it_is_judged_only_if_it_may_be_a_copy(place: Place) -> None:
    place.look(lambda: place.put("a.mp4", "one"), nothing)
    place.look(lambda: place.put("longer.mp4", "three"), nothing)
    place.look(nothing, nothing)
    assert place.hashed == []
    place.look(lambda: place.put("other.mp4", "two"), nothing)
    assert place.hashed == ["other.mp4"]
    assert place.judged == ["a.mp4", "longer.mp4", "other.mp4"]


@pytest.mark.parametrize("restarted", [False, True])
def test_other_content_with_the_same_size_and_time_is_judged(place: Place, restarted: bool) -> None:
    def change() -> None:
        path = place.folder / "a.mp4"
        times = path.stat().st_atime_ns, path.stat().st_mtime_ns
        place.put("a.mp4", "two")
        os.utime(path, ns=times)

    place.put("a.mp4", "one")
    if restarted:
        assert place.look(nothing, nothing) == ["a.mp4"]
        change()
        assert place.look(nothing, nothing) == ["a.mp4"]
    else:
        assert place.look(nothing, nothing, change, nothing) == ["a.mp4", "a.mp4"]
    with place.ledger() as ledger:
        assert [score.detail for score in ledger] == ["two"]


def test_what_has_changed_since_is_not_remembered_as_it_was(place: Place) -> None:
    place.look(lambda: place.put("a.mp4", "one"), nothing)
    place.put("a.mp4", "another")
    with place.ledger() as ledger:
        assert list(ledger) == []


def test_what_is_no_ledger_is_refused(place: Place) -> None:
    (place.folder.parent / "scores.sqlite").write_bytes(b"a text" * 500)
    with pytest.raises(DataError, match="cannot be used as a ledger"):
        place.look(nothing)


@pytest.mark.slow
def test_the_command_ends_on_a_signal_with_all_files_whole(
    talking_heads: Path, checkpoint: Path, tmp_path: Path, repository: Path
) -> None:
    clip, other = sorted(talking_heads.rglob("*.mp4"))[:2]
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(clip, folder / "first.mp4")
    flags = ["--checkpoint", str(checkpoint), "--output", str(tmp_path)]
    command = [sys.executable, "score.py", str(folder), "--watch", "--json", *flags]
    for name in ("first.mp4", "second.mp4"):
        process = subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert f"/{name}" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        shutil.copy(other, folder / "second.mp4")
    table = pd.read_csv(tmp_path / "scores.csv")
    assert [Path(video).name for video in table["video"]] == ["first.mp4", "second.mp4"]
