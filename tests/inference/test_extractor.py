"""A video that hangs, crashes or takes all memory costs its own row, and no signal waits for it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from common.errors import PipelineError, VideoError
from common.preprocessing import FaceConfig
from faces.sampling import WHOLE
from inference import extractor, judge
from inference.answers import End, Window
from inference.extractor import Extractor
from inference.judge import VideoJudge
from inference.rereader import Rereader
from scoring.decision_rule import DecisionRule
from scoring.load import load_detector
from tests.helpers.bad_readers import Crashing, Greedy, Hanging, Odd, count, crash, fail, hang
from tests.helpers.video_files import write_video

pytestmark = pytest.mark.slow

CONFIG = FaceConfig(frames_per_video=2, face_size=32)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def good(tmp_path: Path, heads: list[list[np.ndarray]]) -> Path:
    return write_video(tmp_path / "good.mp4", heads[0])


def test_a_video_that_crashes_or_hangs_costs_its_own_row(good: Path, tmp_path: Path) -> None:
    bad = [Crashing("crash"), Odd("odd"), Hanging(tmp_path / "hang")]
    with Extractor(timeout=8) as extractor:
        answers = list(extractor.extract([good, *bad, good], CONFIG, WHOLE))
    ends = [answer for answer in answers if isinstance(answer, End)]
    assert [end.video for end in ends] == [good, *bad, good]
    first, *failed, last = ends
    assert first.status == last.status == "" and first.sha256 == last.sha256 != ""
    assert [(end.status, end.detail) for end in failed] == [
        ("unreadable", "the process that read it died (signal 11)"),
        ("unreadable", "LookupError: no such track"),
        ("timeout", "not done after 8 s"),
    ]
    assert len(answers) == len(ends) + 2, "a window of each good video"


def test_a_video_that_takes_all_memory_costs_its_own_row(good: Path) -> None:
    with Extractor(timeout=60) as extractor:
        answers = list(extractor.extract([Greedy("memory"), good], CONFIG, WHOLE))
    greedy, end, *others = answers
    assert greedy.extraction.status == "unreadable"
    assert greedy.extraction.detail == "there is not enough memory to read it"
    assert (end.status, end.sha256) == ("", "")
    assert [answer.extraction.status for answer in others[:1]] == ["ok"]


def test_the_next_video_is_looked_at_meanwhile_and_no_verdict_waits_for_it(
    good: Path, tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = load_detector(checkpoint, torch.device("cpu"))
    predict = judge.predict_track

    def predict_later(*given: object) -> object:
        wait_for((tmp_path / "hang.begun").exists)
        return predict(*given)

    monkeypatch.setattr(judge, "predict_track", predict_later)
    with Extractor(timeout=1e6) as extractor:
        videos = [good, Hanging(tmp_path / "hang")]
        results = VideoJudge(detector, DecisionRule(), WHOLE, 2).judge(videos, extractor)
        assert next(results).score.people
        results.close()


def test_the_first_video_is_looked_at_before_it_is_asked_for(good: Path, tmp_path: Path) -> None:
    waiting = Hanging(tmp_path / "hang")
    with Extractor(timeout=60) as reader:
        reader.expect(waiting, CONFIG, WHOLE)
        wait_for((tmp_path / "hang.begun").exists)
        # Another one is asked for, so a new process reads it.
        assert [type(answer) for answer in reader.extract([good], CONFIG, WHOLE)] == [Window, End]
    with Extractor(timeout=60) as reader:
        reader.expect(good, CONFIG, WHOLE)
        worker = reader.start()
        answers = list(reader.extract([good, good], CONFIG, WHOLE))
        assert [type(answer) for answer in answers] == [Window, End] * 2
        assert reader.start() is worker, "the process that was told before"


def test_a_process_that_cannot_start_ends_the_call_in_one_line(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extractor, "MODULE", "no_such_module")
    with Extractor(60) as reader, pytest.raises(PipelineError, match=r"cannot start .*code 1"):
        list(reader.extract([good], CONFIG, WHOLE))
    with Extractor(60) as reader, pytest.raises(PipelineError, match=r"cannot start .*code 1"):
        reader.expect(good, CONFIG, WHOLE)
        list(reader.extract([good], CONFIG, WHOLE))


def test_what_reads_a_judged_video_again_costs_only_its_own_result() -> None:
    again = Rereader(timeout=8)
    try:
        for task, reason in (
            (fail, "its end is lost"),
            (crash, "died .signal 11."),
            (hang, "not done after 8 s"),
        ):
            with pytest.raises(VideoError, match=reason):
                list(again.run(task))
        assert list(again.run(count)) == [0, 1, 2]
    finally:
        again.close()


# A decoder that hangs in every file but the first, and says which process it is in.
HANGS = """
import os, time
from pathlib import Path
from inference import extractor_process

def hang(path, *settings):
    name = os.path.realpath(path)
    if Path(name).name == "good.mp4":
        return extract_windows(path, *settings)
    Path(f"{name}.pid").write_text(str(os.getpid()))
    while True:
        time.sleep(1000)

extract_windows = extractor_process.extract_windows
extractor_process.extract_windows = hang
"""
# score.py with this decoder in the process that reads videos.
SCRIPT = """
import score
from common import errors
from inference import extractor

extractor.MODULE = "hangs"
errors.run(score.main)
"""


@pytest.mark.parametrize(
    ("number", "flags", "code"),
    [
        (signal.SIGTERM, [], 143),
        (signal.SIGINT, [], 130),
        (signal.SIGTERM, ["--watch"], 0),
        (signal.SIGKILL, [], -9),
    ],
)
def test_a_signal_ends_a_call_and_its_decoder_whatever_that_does(
    number: int,
    flags: list[str],
    code: int,
    good: Path,
    tmp_path: Path,
    checkpoint: Path,
    repository: Path,
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    (tmp_path / "hangs.py").write_text(HANGS)
    hanging = tmp_path / "hangs.mp4"
    hanging.write_bytes(b"no video")
    call = [tmp_path, "--checkpoint", checkpoint, "--output", tmp_path, "--timeout", "1e6", *flags]
    process = subprocess.Popen(
        [sys.executable, script, *call],
        env=os.environ | {"PYTHONPATH": f"{repository}{os.pathsep}{tmp_path}"},
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    pid_file, rows = tmp_path / "hangs.mp4.pid", tmp_path / "scores.csv"
    wait_for(lambda: pid_file.exists() and pid_file.read_text() != "")
    wait_for(lambda: "good.mp4" in rows.read_text())
    pid = int(pid_file.read_text())
    if number == signal.SIGKILL:
        process.kill()
    else:
        os.killpg(process.pid, number)  # as a terminal does
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert errors == ("interrupted\n" if code > 0 else "")
    wait_for(lambda: not Path(f"/proc/{pid}").exists())
    table = pd.read_csv(rows)
    assert [Path(video).name for video in table["video"]] == ["good.mp4"]
