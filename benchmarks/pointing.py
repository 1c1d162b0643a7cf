"""How often the maximum of a heat map lies in the region that a fake has changed.

    python -m benchmarks.pointing --checkpoint checkpoints/demo/best.pt --data data/demo

This is the pointing game of Zhang et al. 2018. The demo's changed regions are known. For every fake
of a split with the verdict fake, it takes the maximum over the frames of the most suspicious clip.
For comparison it also takes the maximum by the same model with random weights, and the middle of
the crop. The middle lies in the changed region wherever a fake changes the whole face, so use data
of `demo.generate --kind part`, too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

import models
from benchmarks.shared import new_parser
from common import crop_files, devices, errors
from common.errors import DataError
from common.preprocessing import crop_square
from datasets import clips, manifest
from datasets.transforms import to_input
from flags.shared import add_device
from models.frame_rnn import FrameModel
from scoring.aggregate import AGGREGATIONS
from scoring.detector import Detector
from scoring.heatmap import heatmaps
from scoring.load import load_detector
from scoring.predict import predict_track

Hits = tuple[bool, bool, bool]  # of the detector, the untrained model and the crop's middle


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="checkpoint to explain")
    parser.add_argument(
        "--data", type=Path, default=Path("data/demo"), help="folder of the demo's data"
    )
    parser.add_argument("--csv_file", default="videos_df.csv", help="name of a manifest in --data")
    parser.add_argument("--split", choices=["val", "test"], default="test", help="split to use")
    add_device(parser, "auto", "the detector")
    flags = parser.parse_args()
    detector = load_detector(flags.checkpoint, devices.choose(flags.device))
    torch.manual_seed(0)
    untrained = models.build(models.ModelConfig.from_dict(detector.config)).eval()
    data = manifest.read(flags.data / flags.csv_file)
    game = PointingGame(detector, untrained, data.faces.margin)
    fakes = data.tracks(flags.split)
    fakes = fakes[fakes["label"] == manifest.FAKE].drop_duplicates("video_id")
    results = []
    for _, row in tqdm(fakes.iterrows(), total=len(fakes), disable=None, leave=False):
        jpegs = crop_files.read(data.folder, row["crops"], row["frames"])
        mask = read_mask(row, flags.data / "dfdc")
        results.append((row["method"], game.play(jpegs, read_boxes(data, row), mask)))
    for line in table(results):
        print(line)
    return 0


@dataclass(frozen=True)
class PointingGame:
    """The models whose heat maps are compared, and the margin of the crops that they see."""

    detector: Detector
    untrained: FrameModel
    margin: float

    def play(self, jpegs: list[bytes], boxes: np.ndarray, mask: np.ndarray) -> Hits | None:
        """Return which heat maps hit the changed region `mask` (H, W) bool of a fake's frames, or
        None if the verdict is not fake. `jpegs` are crops around `boxes` (T, 4)."""
        model, config, rule = self.detector.model, self.detector.clip, self.detector.rule
        assert isinstance(model, FrameModel)
        scores = predict_track(model, jpegs, config, batch_size=16)
        if rule.verdict("ok", AGGREGATIONS[rule.aggregation]([scores.clips])) != "fake":
            return None
        start = clips.fixed_starts(len(jpegs), config.clip_frames)[int(np.argmax(scores.clips))]
        chosen = slice(start, start + config.clip_frames)
        clip = to_input(clips.decode(jpegs[chosen]), config)
        middle = torch.zeros(1, 3, 3)
        middle[0, 1, 1] = 1
        first, second, third = (
            hit(heat, boxes[chosen], self.margin, mask)
            for heat in (explain(model, clip), explain(self.untrained, clip), middle)
        )
        return first, second, third


def explain(model: FrameModel, clip: torch.Tensor) -> torch.Tensor:
    """Return the heat maps (T, H, W) of a clip (T, C, H, W). Raise DataError for an encoder without
    them."""
    heat = heatmaps(model, clip)
    if heat is None:
        raise DataError("this checkpoint's encoder has too coarse features for heat maps")
    return heat


def hit(heat: torch.Tensor, boxes: np.ndarray, margin: float, mask: np.ndarray) -> bool:
    """Return whether the maximum of heat maps (T, h, w) of crops around `boxes` (T, 4) lies in the
    frames' `mask` (H, W)."""
    frame, y, x = np.unravel_index(int(heat.argmax()), heat.shape)
    left, top, side = crop_square(boxes[frame], margin)
    column = int(left + (x + 0.5) / heat.shape[2] * side)
    line = int(top + (y + 0.5) / heat.shape[1] * side)
    inside = 0 <= line < mask.shape[0] and 0 <= column < mask.shape[1]
    return bool(inside and mask[line, column])


def read_boxes(data: manifest.Manifest, row: pd.Series) -> np.ndarray:
    """Return the boxes (T, 4) of a track's crops. Raise DataError if they were not recorded."""
    record = crop_files.read_record(data.folder, row["crops"])
    if record is None or len(record.get("boxes", [])) != row["frames"]:
        raise DataError(f"no record of the boxes of {row['crops']} in {data.folder}")
    return np.array(record["boxes"])


def read_mask(row: pd.Series, videos: Path) -> np.ndarray:
    """Return (H, W) bool: where any frame of a fake was changed. Raise DataError without a mask."""
    path = videos / "masks" / f"{Path(row['path']).stem}.png"
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise DataError(f"no mask at {path}: --data must be data that demo.generate has made")
    return np.asarray(mask) > 0


def table(results: list[tuple[str, Hits | None]]) -> Iterator[str]:
    """Yield the shares of hits by method, among the fakes with the verdict fake."""
    yield f"{'method':<20}{'fakes':>7}{'found':>7}{'detector':>10}{'untrained':>11}{'middle':>8}"
    methods = sorted({method for method, _ in results})
    for name in [*methods, "all"]:
        fakes = [hits for method, hits in results if name in (method, "all")]
        found = [hits for hits in fakes if hits is not None]
        shares = np.mean(found, axis=0) if found else [np.nan] * 3
        cells = "{:>10.1%}{:>11.1%}{:>8.1%}".format(*shares)
        yield f"{name:<20}{len(fakes):>7}{len(found):>7}{cells}"


if __name__ == "__main__":
    errors.run(main)
