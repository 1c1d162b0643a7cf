"""Video files, folders and globs → a verdict each.

    python score.py clip.mp4 folder/ --checkpoint checkpoints/<run>/best.pt --output scores.csv

Exit code 0 when every file got real or fake, 1 when some did not, 2 when the call cannot be
served.
"""

import args

if __name__ == "__main__":
    args.score_parser().parse_args()  # --help and wrong flags are answered before slow imports


import csv
import glob
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import device
import errors
from errors import UsageError
from faces.detect import FaceDetector
from faces.extract import extract_faces
from preprocessing import VIDEO_ENDINGS
from scoring.aggregate import video_scores
from scoring.load import Detector, load_detector
from scoring.predict import predict_extraction
from scoring.verdict import verdict


@dataclass(frozen=True)
class Score:
    """A row of scores.csv."""

    video: str
    verdict: str
    p_fake: float | None  # None where there was nothing to judge
    faces: int  # people found
    frames: int  # frames looked at
    seconds: float  # that judging took
    detail: str

    def line(self) -> str:
        p_fake = "     —" if self.p_fake is None else f"{self.p_fake:6.3f}"
        return (
            f"{self.verdict:<10} {p_fake} {self.faces:>5} {self.frames:>6} {self.seconds:>7.1f}  "
            f"{self.video}{f'  ({self.detail})' if self.detail else ''}"
        )


def main() -> int:
    flags = args.score_parser().parse_args()
    videos = find_videos(flags.paths)
    if flags.output.is_dir() or not flags.output.parent.is_dir():
        raise UsageError(f"--output: {flags.output} is a folder, or in one that is not there")
    detector = load_detector(flags.checkpoint, device.choose(flags.device))
    # On the CPU as in preprocessing: a GPU rounds otherwise, and crops could move by a pixel.
    faces = FaceDetector(detector.faces)
    print(f"{'verdict':<10} p_fake faces frames seconds  video")
    scores = []
    with flags.output.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Score)])
        writer.writeheader()
        for video in videos:
            score = judge(video, detector, faces, flags.batch_size)
            print(score.line(), flush=True)
            writer.writerow(asdict(score))
            file.flush()
            scores.append(score)
    print(f"{len(scores)} videos, threshold {detector.threshold}: {flags.output}")
    return 0 if all(score.verdict in ("real", "fake") for score in scores) else 1


def find_videos(paths: list[str]) -> list[Path]:
    """Files as named, of any ending; videos under folders; matches of globs; each once, in that
    order.

    Raise UsageError when a path gives nothing.
    """
    found: dict[Path, None] = {}
    for text in paths:
        named = (
            [Path(text)]
            if Path(text).exists()
            else map(Path, sorted(glob.glob(text, recursive=True)))
        )
        matches = [video for path in named for video in _videos_at(path)]
        if not matches:
            raise UsageError(f"no video at {text!r}")
        found |= dict.fromkeys(matches)
    return list(found)


def _videos_at(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in VIDEO_ENDINGS)


def judge(video: Path, detector: Detector, faces: FaceDetector, batch_size: int) -> Score:
    started = time.monotonic()
    extraction = extract_faces(video, faces)
    clips = predict_extraction(detector.model, extraction, detector.clip, batch_size)
    p_fake = next(iter(video_scores(clips).values()), None)
    return Score(
        video=str(video),
        verdict=verdict(extraction.status, p_fake, detector.threshold),
        p_fake=p_fake,
        faces=len(extraction.tracks),
        frames=extraction.sampled_frames,
        seconds=round(time.monotonic() - started, 2),
        detail=extraction.detail,
    )


if __name__ == "__main__":
    errors.run(main)
