"""Whether heat maps point at what was changed: the pointing game (Zhang et al. 2018) on the demo's
fakes, whose changed regions are known.

    python -m benchmarks.pointing --checkpoint checkpoints/demo/best.pt --data data/demo

Of every fake of a split (test) that is found, the hottest point over the frames of its most
suspicious clip. Beside it: the crop's middle, and the same model with random weights. The middle is
right wherever a fake changes whole faces, so look at data of `demo.generate --kind part`, too.
"""

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

import models
from common import crop_files, devices, errors
from common.preprocessing import square
from datasets import clips, manifest
from datasets.transforms import eval_transform
from models.frame_rnn import FrameModel
from scoring.aggregate import AGGREGATIONS
from scoring.detector import Detector
from scoring.heatmap import heatmaps
from scoring.load import load_detector
from scoring.predict import predict_track

Hits = tuple[bool, ...]  # detector, untrained model, crop's middle


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("data/demo"), help="of the demo")
    parser.add_argument("--csv_file", default="videos_df.csv", help="a manifest in --data")
    parser.add_argument("--split", choices=["val", "test"], default="test")
    flags = parser.parse_args()
    detector = load_detector(flags.checkpoint, devices.choose("auto"))
    torch.manual_seed(0)
    untrained = models.build(models.ModelConfig.from_dict(detector.config)).eval()
    data = manifest.read(flags.data / flags.csv_file)
    judge = partial(play, detector=detector, untrained=untrained, margin=data.faces.margin)
    fakes = data.tracks(flags.split)
    fakes = fakes[fakes["label"] == manifest.FAKE].drop_duplicates("video_id")
    games = []
    for _, row in tqdm(fakes.iterrows(), total=len(fakes), disable=None, leave=False):
        jpegs = crop_files.read(data.folder, row["crops"], row["frames"])
        boxes = np.array(crop_files.read_record(data.folder, row["crops"])["boxes"])
        games.append((row["method"], judge(jpegs, boxes, _mask(row, flags.data / "dfdc"))))
    for line in table(games):
        print(line)
    return 0


def table(games: list[tuple[str, Hits | None]]) -> Iterator[str]:
    """Shares of hits by method; a game that was not played is a fake that was not found."""
    yield f"{'method':<20}{'fakes':>7}{'found':>7}{'detector':>10}{'untrained':>11}{'middle':>8}"
    names = sorted({method for method, _ in games})
    for name in [*names, "all"]:
        of = [hits for method, hits in games if name in (method, "all")]
        found = [hits for hits in of if hits is not None]
        shares = np.mean(found, axis=0) if found else [np.nan] * 3
        yield f"{name:<20}{len(of):>7}{len(found):>7}" + "{:>10.1%}{:>11.1%}{:>8.1%}".format(
            *shares
        )


def _mask(row: pd.Series, videos: Path) -> np.ndarray:
    """(H, W) bool: where any frame was changed."""
    path = videos / "masks" / f"{Path(row['path']).stem}.png"
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 0


def play(
    jpegs: list[bytes],
    boxes: np.ndarray,
    mask: np.ndarray,
    *,
    detector: Detector,
    untrained: FrameModel,
    margin: float,
) -> Hits | None:
    """Of crops around `boxes` (T, 4) of frames that were changed in `mask` (H, W); None where the
    detector does not call the fake one."""
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
    return tuple(hit(heat, boxes[chosen], margin, mask) for heat in maps)


def hit(heat: torch.Tensor, boxes: np.ndarray, margin: float, mask: np.ndarray) -> bool:
    """Whether the hottest point of maps (T, h, w) of crops around `boxes` (T, 4) is in the frames'
    mask (H, W)."""
    frame, y, x = np.unravel_index(int(heat.argmax()), heat.shape)
    left, top, side = square(boxes[frame], margin)
    column = int(left + (x + 0.5) / heat.shape[2] * side)
    line = int(top + (y + 0.5) / heat.shape[1] * side)
    inside = 0 <= line < mask.shape[0] and 0 <= column < mask.shape[1]
    return bool(inside and mask[line, column])


if __name__ == "__main__":
    errors.run(main)
