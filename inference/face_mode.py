"""How score.py makes crops: as in training, or of pictures that are face crops already."""

from collections.abc import Iterator
from dataclasses import replace
from statistics import median

from common.errors import UsageError
from common.preprocessing import FaceConfig, crop_square
from faces.crop import MAX_OUTSIDE
from faces.extract import Extraction, FaceTrack

SAME_SCALE = 1.15  # by this factor, a face may be larger or smaller in its crop than in training


def choose(trained: FaceConfig, mode: str | None) -> FaceConfig:
    """Return the settings to make crops with: those of training, but with `mode` unless it is None.
    By default, faces are detected, also for a detector that was trained on face crops. Raise
    UsageError if either training or `mode` takes whole pictures and the other does not."""
    if mode and "whole" in {mode, trained.mode} and mode != trained.mode:
        seen = "whole pictures" if trained.mode == "whole" else "faces"
        raise UsageError(f"--faces {mode}: this detector was trained on {seen}: leave out --faces")
    return trained if trained.mode == "whole" else replace(trained, mode=mode or "detect")


def crop_warnings(config: FaceConfig, frame: Extraction, track: FaceTrack) -> Iterator[str]:
    """Yield a warning if the crops of a track do not show a face as crops of training do. `frame`
    states the size of the frames."""
    if config.mode == "cropped":
        found = [margin for margin in track.margins if margin is not None]
        if not found:
            yield "no face was found in the pictures, which were taken as face crops"
            return
        scale = (1 + 2 * median(found)) / (1 + 2 * config.margin)
        if not 1 / SAME_SCALE <= scale <= SAME_SCALE:
            yield (
                f"a margin of {median(found):.2f} around the face, trained with {config.margin:.2f}"
            )
    elif config.mode == "detect":
        outside = median(_share_outside(config, frame, box) for box in track.boxes)
        if outside > MAX_OUTSIDE:
            yield (
                f"{outside:.0%} of the face's crop is outside the picture: if the pictures are "
                "face crops, use --faces cropped"
            )


def _share_outside(config: FaceConfig, frame: Extraction, box: list[float]) -> float:
    """Return the share of a crop's area that lies beyond the edge of the frame."""
    left, top, side = crop_square(box, config.margin)
    width = min(left + side, frame.width) - max(left, 0)
    height = min(top + side, frame.height) - max(top, 0)
    return 1 - max(width, 0) * max(height, 0) / side**2
