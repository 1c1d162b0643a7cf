"""Scoring stage by stage: seconds per clip with ResNet152 and an LSTM, 16 frames, model loaded.

    python -m benchmarks.scoring FOLDER [FOLDER …]          (make bench-score CLIPS="folder folder")

decode, detect (with tracking and cropping) and model one after the other, then all that score.py
does for one file: as it is (`torch`), with --precision bfloat16 and with --backend onnx; medians.
Beside them `plain`: MTCNN by
its own settings on every sampled frame at full size, the same model in torch's default memory
format. Then all clips one by one and as one folder, where the next one's faces are looked for while
the model is at work, and the seconds from starting score.py to its end for one clip. Weights are
random: they change no time.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from facenet_pytorch import MTCNN

import models
from common import checkpointing, devices, errors
from common.checkpointing import Checkpoint
from common.errors import UsageError
from common.preprocessing import ClipConfig, FaceConfig
from export import onnx_export
from export.onnx_model import load_exported
from faces.crop import cut, to_jpeg
from faces.decode import read
from faces.extract import extract_faces
from faces.sampling import WHOLE
from flags.types import at_least
from inference.judge import Judge
from scoring.decision_rule import Judgement
from scoring.detector import Detector
from scoring.load import load_detector
from scoring.predict import predict_track

FACES = FaceConfig(frames_per_video=16)
STAGES = ("decode", "detect", "model")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--model_name", default="resnet152")
    parser.add_argument("--repeats", type=at_least(1), default=3)
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    flags = parser.parse_args()
    clips = sorted(path for folder in flags.folders for path in folder.rglob("*.mp4"))
    if not clips:
        raise UsageError("no .mp4 under " + ", ".join(map(str, flags.folders)))
    with tempfile.TemporaryDirectory() as folder:
        path = make_checkpoint(Path(folder) / "best.pt", flags.model_name)
        exported = path.with_suffix(".zip")
        onnx_export.export(path, exported)
        place = devices.choose(flags.device)
        plain = load_detector(path, place)
        plain.model.encoder.to(memory_format=torch.contiguous_format)
        detectors = {
            "torch": load_detector(path, place),
            "bfloat16": load_detector(path, place, torch.bfloat16),
            "onnx": load_exported(exported),
        }
        judges = {name: Judge(d, Judgement(), WHOLE, batch_size=4) for name, d in detectors.items()}
        print_stages(clips, judges, plain, flags.repeats)
        for name, judge in judges.items():
            print_folder(name, clips, judge, flags.repeats)
        call = [sys.executable, "score.py", str(clips[0]), "--json", "--device", flags.device]
        call += ["--output", f"{folder}/scores.csv", "--checkpoint"]
        ways = {
            "torch": [path],
            "bfloat16": [path, "--precision", "bfloat16"],
            "onnx": [exported, "--backend", "onnx"],
        }
        for name, extra in ways.items():
            start = partial(subprocess.run, [*call, *extra], check=True, capture_output=True)
            starts = [seconds_of(start) for _ in range(flags.repeats)]
            print(f"{name}: score.py {clips[0].name} in {statistics.median(starts):.1f} s")
    return 0


def print_stages(
    clips: list[Path], judges: dict[str, Judge], plain: Detector, repeats: int
) -> None:
    names = (*STAGES, *judges, "plain")
    print(f"{'clip':<20}" + "".join(f"{name:>9}" for name in names))
    for clip in clips:
        found = [stages(clip, judges, plain) for _ in range(repeats)]
        middles = (statistics.median(times) for times in zip(*found, strict=True))
        print(f"{clip.name:<20}" + "".join(f"{value:>9.2f}" for value in middles), flush=True)


def make_checkpoint(path: Path, encoder: str) -> Path:
    torch.manual_seed(0)
    config = models.ModelConfig(encoder)
    weights = models.build(config).state_dict()
    classes = ["REAL", "FAKE"]
    checkpointing.save(
        path,
        Checkpoint(config.to_dict(), weights, FACES, ClipConfig(), classes, [], {}, 1, {}),
    )
    return path


def stages(clip: Path, judges: dict[str, Judge], plain: Detector) -> tuple[float, ...]:
    """Seconds: of STAGES, of every judge, of the plain alternative."""
    judge = judges["torch"]
    decode = seconds_of(lambda: read(clip, FACES))
    started = time.monotonic()
    tracks = extract_faces(clip, judge.faces).tracks
    extract = time.monotonic() - started

    def predict() -> None:
        for track in tracks:
            predict_track(judge.detector.model, track.jpegs, judge.detector.clip, 4)

    model = seconds_of(predict)
    whole = (seconds_of(lambda way=way: list(way.judge([clip]))) for way in judges.values())
    plainly = seconds_of(lambda: score_plainly(clip, plain))
    return decode, extract - decode, model, *whole, plainly


def score_plainly(clip: Path, detector: Detector) -> None:
    """The surest face of every frame as one track."""
    frames = read(clip, FACES)
    mtcnn = MTCNN(keep_all=True)
    jpegs = []
    for image in frames.images:
        boxes, _ = mtcnn.detect(np.ascontiguousarray(image))
        if boxes is not None:
            crop = cut(image, boxes[0], FACES.margin, FACES.face_size)
            jpegs.append(to_jpeg(crop, FACES.jpeg_quality))
    if jpegs:
        predict_track(detector.model, jpegs, detector.clip, 4)


def print_folder(backend: str, clips: list[Path], judge: Judge, repeats: int) -> None:
    runs: dict[str, list[float]] = {"one by one": [], "as a folder": []}
    for _ in range(repeats):  # in turns, so that a slow moment hits both
        alone = seconds_of(lambda: [list(judge.judge([clip])) for clip in clips])
        runs["one by one"].append(alone)
        runs["as a folder"].append(seconds_of(lambda: list(judge.judge(clips))))
    for name, seconds in runs.items():
        each = statistics.median(seconds) / len(clips)
        print(f"{backend}: {len(clips)} clips {name}: {each:.2f} s each, {1 / each:.2f} clips/s")


def seconds_of(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


if __name__ == "__main__":
    errors.run(main)
