"""Whether heat maps point at what was changed: the pointing game (Zhang et al. 2018) on the demo's
fakes, whose changed regions are known.

    python -m benchmarks.pointing --checkpoint checkpoints/demo/best.pt --data data/demo

Of every fake of the test split that is found, the hottest point over the frames of its most
suspicious clip. Beside it: the crop's middle, and the same model with random weights. Then the same
of partial fakes: around one eye or one corner of the mouth the fake's pixels, the original's
elsewhere.
"""

import argparse
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

import crop_files
import device
import errors
import models
from datasets import clips, manifest
from datasets.manifest import Manifest
from datasets.transforms import eval_transform
from faces.crop import cut, to_jpeg
from faces.decode import read_frames
from models.frame_rnn import FrameModel
from preprocessing import square
from scoring.aggregate import AGGREGATIONS
from scoring.heatmap import heatmaps
from scoring.load import Detector, load_detector
from scoring.predict import predict_track

PARTS = (0, 1, 3, 4)  # of the landmarks: eyes and corners of the mouth, not the nose
RADIUS = 0.15  # of a partial fake's disc, of the longer side of a face's box

Hits = tuple[bool, ...]  # detector, untrained model, crop's middle
# Crops, their boxes (T, 4), and what was changed around each (T, H, W) bool.
Case = tuple[list[bytes], np.ndarray, np.ndarray]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("data/demo"), help="of the demo")
    parser.add_argument("--csv_file", default="videos_df.csv", help="a manifest in --data")
    flags = parser.parse_args()
    detector = load_detector(flags.checkpoint, device.choose("auto"))
    torch.manual_seed(0)
    untrained = models.build(models.ModelConfig.from_dict(detector.config)).eval()
    data = manifest.read(flags.data / flags.csv_file)
    judge = partial(play, detector=detector, untrained=untrained, margin=data.faces.margin)
    fakes = data.tracks("test")
    fakes = fakes[fakes["label"] == manifest.FAKE].drop_duplicates("video_id")
    for title, make in (("as they are", whole), ("partial", partly)):
        games = [
            (row["method"], judge(*make(row, data, flags.data / "dfdc")))
            for _, row in tqdm(fakes.iterrows(), total=len(fakes), disable=None, leave=False)
        ]
        for line in table(title, games):
            print(line)
    return 0


def table(title: str, games: list[tuple[str, Hits | None]]) -> Iterator[str]:
    """Shares of hits by method; a game that was not played is a fake that was not found."""
    yield f"\n{title:<18}{'fakes':>7}{'found':>7}{'detector':>10}{'untrained':>11}{'middle':>8}"
    names = sorted({method for method, _ in games})
    for name in [*names, "all"]:
        of = [hits for method, hits in games if name in (method, "all")]
        found = [hits for hits in of if hits is not None]
        shares = np.mean(found, axis=0) if found else [np.nan] * 3
        yield f"{name:<18}{len(of):>7}{len(found):>7}" + "{:>10.1%}{:>11.1%}{:>8.1%}".format(
            *shares
        )


def whole(row: pd.Series, data: Manifest, videos: Path) -> Case:
    record = crop_files.read_record(data.folder, row["crops"])
    jpegs = crop_files.read(data.folder, row["crops"], row["frames"])
    mask = _mask(row, videos)
    return jpegs, np.array(record["boxes"]), np.broadcast_to(mask, (len(jpegs), *mask.shape))


def partly(row: pd.Series, data: Manifest, videos: Path) -> Case:
    """The original, but around one point of the face, which goes round the PARTS from video to
    video."""
    (_, original) = next(
        data.table[(data.table["video_id"].str.endswith("/" + row["source"] + ".mp4"))].iterrows()
    )
    record = crop_files.read_record(data.folder, original["crops"])
    boxes, points = (np.array(record[name]) for name in ("boxes", "landmarks"))
    images = [
        read_frames(videos / path, partial(_within, record["frames"]), data.faces.decoder).images
        for path in (original["path"], row["path"])
    ]
    part = PARTS[zlib.crc32(row["video_id"].encode()) % len(PARTS)]
    config, jpegs, discs = data.faces, [], []
    for real, fake, box, face in zip(*images, boxes, points, strict=False):
        disc = np.zeros(real.shape[:2], np.float32)
        radius = RADIUS * max(box[2] - box[0], box[3] - box[1])
        cv2.circle(disc, [round(float(v)) for v in face[part]], round(radius), 1.0, -1)
        soft = cv2.GaussianBlur(disc, (0, 0), radius / 6)[..., None]
        mixed = (real + soft * (fake.astype(np.float32) - real)).round().astype(np.uint8)
        jpegs.append(to_jpeg(cut(mixed, box, config.margin, config.face_size), config.jpeg_quality))
        discs.append(disc > 0)
    return jpegs, boxes[: len(jpegs)], _mask(row, videos) & np.stack(discs)


def _within(frames: list[int], total: int) -> list[int]:
    """Those that a file has: a fake may be a few frames shorter than its original."""
    return [frame for frame in frames if frame < total]


def _mask(row: pd.Series, videos: Path) -> np.ndarray:
    """(H, W) bool: where any frame was changed."""
    path = videos / "masks" / f"{Path(row['path']).stem}.png"
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 0


def play(
    jpegs: list[bytes],
    boxes: np.ndarray,
    masks: np.ndarray,
    *,
    detector: Detector,
    untrained: FrameModel,
    margin: float,
) -> Hits | None:
    """None where the detector does not call the fake one."""
    config, judgement = detector.clip, detector.judgement
    scores = predict_track(detector.model, jpegs, config, batch_size=16)
    combined = AGGREGATIONS[judgement.aggregation]([scores.clips])
    if judgement.verdict("ok", combined) != "fake":
        return None
    start = clips.fixed_starts(len(jpegs), config.clip_frames)[int(np.argmax(scores.clips))]
    chosen = slice(start, start + config.clip_frames)
    clip = eval_transform(config)(clips.decode(jpegs[chosen]))
    middle = torch.zeros(1, 3, 3)
    middle[0, 1, 1] = 1
    maps = (heatmaps(detector.model, clip), heatmaps(untrained, clip), middle)
    return tuple(hit(heat, boxes[chosen], margin, masks[chosen]) for heat in maps)


def hit(heat: torch.Tensor, boxes: np.ndarray, margin: float, masks: np.ndarray) -> bool:
    """Whether the hottest point of maps (T, h, w) of crops around `boxes` (T, 4) is in that frame's
    mask (T, H, W)."""
    frame, y, x = np.unravel_index(int(heat.argmax()), heat.shape)
    left, top, side = square(boxes[frame], margin)
    column = int(left + (x + 0.5) / heat.shape[2] * side)
    line = int(top + (y + 0.5) / heat.shape[1] * side)
    inside = 0 <= line < masks.shape[1] and 0 <= column < masks.shape[2]
    return bool(inside and masks[frame, line, column])


if __name__ == "__main__":
    errors.run(main)
