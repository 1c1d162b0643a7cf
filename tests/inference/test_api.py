"""Three lines of Python: the same verdicts as score.py."""

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from common.errors import CheckpointError, UsageError
from flags.score import score_parser
from inference import Detector

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def detector() -> Iterator[Detector]:
    with Detector.load(device="cpu") as detector:
        yield detector


@pytest.mark.slow
def test_a_script_without_a_guard_gets_the_same_numbers_as_the_command(
    talking_heads: Path, tmp_path: Path
) -> None:
    clip = talking_heads / "new" / "new_fake.mp4"
    script = tmp_path / "three_lines.py"
    script.write_text(
        "import json, sys\nfrom inference import Detector\n"
        "detector = Detector.load(device='cpu')\nverdict = detector.score(sys.argv[1])\n"
        "print(json.dumps(verdict.to_dict()))\n"
    )
    run = subprocess.run(
        [sys.executable, str(script), str(clip)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        check=True,
        timeout=300,
    )
    (found,) = map(json.loads, run.stdout.splitlines())
    command = [sys.executable, "score.py", str(clip), "--device", "cpu", "--output", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (expected,) = json.loads((tmp_path / "scores.json").read_text())["videos"]
    assert found | {"seconds": 0} == expected | {"seconds": 0}


@pytest.mark.slow
@pytest.mark.parametrize(
    "script",
    [
        "with Detector.load(device='cpu') as detector:\n    verdict = detector.score(clip)\n"
        "verdict.save_report(page)",
        "import tempfile\nkept = tempfile.TemporaryDirectory()\n"
        "verdict = Detector.load(device='cpu').score(clip)",
    ],
)
def test_a_program_ends_although_processes_still_run(
    script: str, talking_heads: Path, tmp_path: Path
) -> None:
    path, clip = tmp_path / "program.py", talking_heads / "new" / "new_real.mp4"
    start = f"from inference import Detector\nclip, page = {str(clip)!r}, {str(tmp_path / 'p')!r}\n"
    path.write_text(f"{start}{script}\nprint(verdict.verdict)\n")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, str(path)], env=env, check=True, timeout=120)


def test_a_second_call_while_videos_are_judged_is_refused(
    detector: Detector, talking_heads: Path
) -> None:
    """It would take the answers to the first call."""
    clip = talking_heads / "new" / "new_real.mp4"
    verdicts = detector.score_many([clip, clip])
    first = next(verdicts)
    with pytest.raises(UsageError, match="judge the other videos first"):
        detector.score(talking_heads / "new" / "new_fake.mp4")
    assert next(verdicts).p_fake == first.p_fake
    verdicts.close()
    assert detector.score(clip).p_fake == first.p_fake


@pytest.mark.parametrize(
    "arguments",
    [
        *({"device": "gpu"}, {"backend": "ONNX"}, {"precision": "half"}, {"faces": "all"}),
        *({"prior": 0}, {"timeout": -1}, {"window_seconds": 0}),
    ],
)
def test_an_argument_that_is_none_of_the_flags_is_refused(arguments: dict) -> None:
    with pytest.raises(UsageError):
        Detector.load(**arguments)


def test_a_verdict_has_people_with_timelines_and_a_page(
    detector: Detector, talking_heads: Path, tmp_path: Path
) -> None:
    clip = talking_heads / "new" / "new_real.mp4"
    verdict = detector.score(clip)
    assert verdict.verdict in ("real", "fake", "uncertain") and verdict.video == str(clip)
    assert verdict.p_fake == pytest.approx(max(person.p_fake for person in verdict.people))
    seconds, p_fake = verdict.people[0].timeline[0]
    assert seconds is not None and 0 <= p_fake <= 1
    page = verdict.save_report(tmp_path / "page.html")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_many_files_are_judged_in_order_and_a_bad_one_stops_nothing(
    detector: Detector, talking_heads: Path, tmp_path: Path
) -> None:
    clip, bad = talking_heads / "new" / "new_real.mp4", tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    verdicts = list(detector.score_many([clip, str(bad), clip]))
    assert [verdict.video for verdict in verdicts] == [str(clip), str(bad), str(clip)]
    assert verdicts[1].verdict == "unreadable" and verdicts[1].p_fake is None and verdicts[1].detail
    assert verdicts[0].p_fake == pytest.approx(verdicts[2].p_fake, abs=1e-6)


def test_an_array_of_frames_is_judged_like_the_file_that_it_came_from(
    detector: Detector, talking_heads: Path, tmp_path: Path
) -> None:
    clip = talking_heads / "new" / "new_real.mp4"
    with av.open(str(clip)) as container:
        rate = float(container.streams.video[0].average_rate or 25)
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    verdict = detector.score_frames(np.stack(frames), fps=rate)
    assert verdict.p_fake == pytest.approx(detector.score(clip).p_fake, abs=0.02)
    page = verdict.save_report(tmp_path / "page.html")
    assert "frames.mkv" in page.read_text(encoding="utf-8") and verdict.video == "frames.mkv"


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "no frame"),
        (np.zeros((2, 8, 8), np.uint8), "H, W, 3"),
        (np.zeros((2, 8, 8, 3), np.float32), "uint8"),
        ([np.zeros((8, 8, 3), np.uint8), np.zeros((9, 8, 3), np.uint8)], "one size"),
        ([np.zeros((5000, 5000, 3), np.uint8)], "at most"),
    ],
)
def test_what_is_no_video_is_refused(detector: Detector, frames: list, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        detector.score_frames(frames)


def test_the_arguments_have_the_defaults_of_the_flags() -> None:
    flags = score_parser().parse_args([])
    arguments = inspect.signature(Detector.load).parameters
    assert {name: value.default for name, value in arguments.items() if name != "cls"} == {
        name: getattr(flags, name) for name in arguments
    }


def test_a_detector_that_does_not_exist_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no detector 'lite9'"):
        Detector.load("lite9")
    with pytest.raises(CheckpointError, match="no checkpoint"):
        Detector.load(tmp_path / "none.pt")
