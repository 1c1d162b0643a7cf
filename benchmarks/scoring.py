"""Seconds of scoring a video, by stage and by backend.

    python -m benchmarks.scoring FOLDER [FOLDER …]          (make bench-score CLIPS="folder folder")

Uses ResNet152 with an LSTM and random weights, which do not change the time, and 16 frames of each
video. Prints medians of:

decode, detect, model     the stages one after the other; detect includes tracking and cropping
torch, bfloat16,          all that score.py does with a file: by default, with --precision bfloat16,
onnx, int8                with --backend onnx, and with a detector that was exported with --int8
plain                     MTCNN with its own settings on every sampled frame at full size, and the
                          model in torch's default memory format

Then it compares scoring the videos one by one with scoring them as one folder, where the faces of
the next video are detected while the model works. For both it prints the share of the time in which
the model waits for faces, and in which the process that extracts them is idle. Last, it measures a
whole call of score.py. Needs requirements-extras.txt.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

import models
from benchmarks.plain_scorer import PlainScorer
from benchmarks.shared import find_videos, measure_seconds, new_parser, repeat_in_turns
from benchmarks.timed_extractor import TimedExtractor
from common import checkpointing, devices, errors
from common.checkpointing import Checkpoint
from common.errors import DataError, PipelineError, UsageError, VideoError
from common.preprocessing import ClipConfig, FaceConfig
from datasets.clips import decode as decode_crops
from datasets.manifest import CLASSES
from datasets.transforms import to_input
from export import detector_file, int8, onnx_export
from export.detector_file import DetectorFile
from export.onnx_model import load_exported
from faces.decode import read
from faces.detect import FaceDetector
from faces.extract import extract_faces
from faces.sampling import WHOLE
from flags.shared import add_device
from flags.types import at_least
from inference.extractor import Extractor
from inference.judge import VideoJudge
from scoring.decision_rule import DecisionRule
from scoring.load import load_detector
from scoring.predict import predict_track

FACES = FaceConfig(frames_per_video=16)
BATCH_SIZE = 4  # clips per forward pass
STAGES = ("decode", "detect", "model")
TIMEOUT = 600.0  # seconds for a window
Measure = Callable[[list[Path]], float]  # videos → seconds until all have a verdict


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="folders of .mp4 files")
    parser.add_argument(
        "--model_name", default="resnet152", help="name of an encoder, as train.py --model_name"
    )
    parser.add_argument(
        "--repeats", type=at_least(1), default=3, help="runs, of which the median is printed"
    )
    add_device(parser, "auto", "the model")
    flags = parser.parse_args()
    videos = find_videos(flags.folders)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint = make_checkpoint(folder / "best.pt", flags.model_name)
        device = devices.choose(flags.device)
        detectors = {
            "torch": load_detector(checkpoint, device),
            "bfloat16": load_detector(checkpoint, device, torch.bfloat16),
        }
        files = {}
        try:
            files = export(checkpoint, folder, videos[0])
        except UsageError as error:
            print(f"onnx and int8 are left out: {error}")
        detectors |= {name: load_exported(file) for name, file in files.items()}
        judges = {
            name: VideoJudge(detector, DecisionRule(), WHOLE, BATCH_SIZE)
            for name, detector in detectors.items()
        }
        plain = PlainScorer(load_detector(checkpoint, device), BATCH_SIZE)
        with TimedExtractor(TIMEOUT) as extractor:
            judging: dict[str, Measure] = {
                name: partial(measure_judging, judge, extractor) for name, judge in judges.items()
            }
            judging["torch"](videos[:1])  # starts the extractor's process
            print_videos(videos, judges["torch"], judging, plain, flags.repeats)
            for name, measure in judging.items():
                print_folder(name, videos, measure, extractor, flags.repeats)
        with_torch = ["--checkpoint", str(checkpoint), "--device", flags.device]
        backends = {
            "torch": with_torch,
            "bfloat16": [*with_torch, "--precision", "bfloat16"],
            **{n: ["--checkpoint", str(file), "--backend", "onnx"] for n, file in files.items()},
        }
        print_calls(videos[0], folder, backends, flags.repeats)
    return 0


def make_checkpoint(path: Path, encoder: str) -> Path:
    """Save a model with random weights to `path` and return it."""
    torch.manual_seed(0)
    config = models.ModelConfig(name=encoder)
    checkpoint = Checkpoint(
        model=config.to_dict(),
        weights=models.build(config).state_dict(),
        faces=FACES,
        clip=ClipConfig(),
        classes=list(CLASSES),
        trained_on=[],
        data={},
        epoch=1,
        metrics={},
    )
    checkpointing.save(path, checkpoint)
    return path


def export(checkpoint: Path, folder: Path, video: Path) -> dict[str, Path]:
    """Export the checkpoint to `folder` and return the files by their names in the tables. The
    ranges for int8 are those on the faces of `video`. Raise UsageError if torch cannot export it,
    DataError if the video has no face."""
    files = {name: folder / f"{name}.zip" for name in ("onnx", "int8")}
    onnx_export.export(checkpoint, files["onnx"])
    tracks = extract_faces(video, FaceDetector(FACES)).tracks
    if not tracks:
        raise DataError(f"{video}: no face was found")
    clips = to_input(decode_crops(tracks[0].jpegs), ClipConfig()).unsqueeze(0)
    mask = torch.ones(clips.shape[:2], dtype=torch.bool)
    exact = detector_file.read(files["onnx"])
    integers = int8.quantise(exact.encoder, iter([(clips, mask)]))
    about = exact.about | {"precision": "int8"}
    detector_file.write(files["int8"], DetectorFile(integers, exact.head, about))
    return files


def print_videos(
    videos: list[Path],
    judge: VideoJudge,
    judging: dict[str, Measure],
    plain: PlainScorer,
    repeats: int,
) -> None:
    """Print a row of median seconds for each video."""
    names = (*STAGES, *judging, "plain")
    print(f"{'seconds':<20}" + "".join(f"{name:>9}" for name in names))
    detector = FaceDetector(FACES)
    for video in videos:
        try:
            runs = [
                (
                    *measure_stages(video, detector, judge),
                    *(measure([video]) for measure in judging.values()),
                    measure_seconds(partial(plain.score, video)),
                )
                for _ in range(repeats)
            ]
        except VideoError as error:
            raise DataError(f"{video}: {error}") from error
        medians = (statistics.median(seconds) for seconds in zip(*runs, strict=True))
        print(f"{video.name:<20}" + "".join(f"{value:>9.2f}" for value in medians), flush=True)


def measure_stages(
    video: Path, detector: FaceDetector, judge: VideoJudge
) -> tuple[float, float, float]:
    """Return the seconds of STAGES. Raise VideoError for a video that cannot be decoded."""
    model, clip = judge.detector.model, judge.detector.clip
    decode = measure_seconds(partial(read, video, FACES))
    started = time.perf_counter()
    tracks = extract_faces(video, detector).tracks
    extract = time.perf_counter() - started
    score = sum(
        measure_seconds(partial(predict_track, model, track.jpegs, clip, BATCH_SIZE))
        for track in tracks
    )
    return decode, extract - decode, score


def measure_judging(judge: VideoJudge, extractor: Extractor, videos: list[Path]) -> float:
    """Return the seconds until all videos have a verdict."""
    return measure_seconds(lambda: list(judge.judge(videos, extractor)))


def print_folder(
    backend: str, videos: list[Path], measure: Measure, extractor: TimedExtractor, repeats: int
) -> None:
    """Print the median seconds per video and mean idle times, one by one and as a folder."""

    def timed(batches: list[list[Path]]) -> tuple[float, float, float]:
        extractor.reset()
        seconds = sum(map(measure, batches))
        return seconds, extractor.awaited / seconds, 1 - extractor.worked / seconds

    batches = {"one by one": [[video] for video in videos], "as a folder": [videos]}
    runs = {name: partial(timed, chosen) for name, chosen in batches.items()}
    for name, results in repeat_in_turns(runs, repeats).items():
        seconds, waits, idles = zip(*results, strict=True)
        each = statistics.median(seconds) / len(videos)
        waiting, idle = statistics.mean(waits), statistics.mean(idles)
        print(
            f"{backend}: {len(videos)} videos {name}: {each:.2f} s each, {1 / each:.2f} videos/s; "
            f"model waits {waiting:.0%} of the time, extraction is idle {idle:.0%}"
        )


def print_calls(video: Path, output: Path, backends: dict[str, list[str]], repeats: int) -> None:
    """Print the median seconds of a whole call of score.py with the flags of each backend."""
    for name, flags in backends.items():
        command = ["score.py", str(video), "--output", str(output), *flags]
        seconds = [measure_seconds(partial(run_command, command)) for _ in range(repeats)]
        print(f"{name}: score.py {video.name} in {statistics.median(seconds):.1f} s", flush=True)


def run_command(command: list[str]) -> None:
    """Run a command of this repository. Raise PipelineError if it fails."""
    process = subprocess.run([sys.executable, *command], capture_output=True, check=False)
    if process.returncode:
        raise PipelineError(f"{command[0]} ended with exit code {process.returncode}")


if __name__ == "__main__":
    errors.run(main)
