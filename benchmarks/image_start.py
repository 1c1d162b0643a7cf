"""AUC of a video model that starts from an encoder trained on pictures, and of one from scratch.

    python -m benchmarks.image_start --seeds 0,1,2

Both see the same number of frames. From scratch: --epochs of the demo's clips. From pictures: half
of these frames as single ones (--dataset image), then half as clips, with --weights of the first
training. A seed draws the demo's videos, their split and the weights. Complete runs in --output are
used again, so other settings need another folder.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import demo_runs
from benchmarks.demo_runs import Aucs
from benchmarks.leave_one_out import CONFIDENCE, mean_interval
from benchmarks.shared import new_parser
from common import errors
from common.preprocessing import ClipConfig
from demo import run as demo


def main() -> int:
    parser = new_parser(__doc__)
    demo_runs.add_flags(parser, "data/image_start")
    flags = parser.parse_args()
    pairs = []
    for seed in flags.seeds:
        data = demo_runs.make_data(flags.output / f"seed_{seed}", flags.sources, seed)
        precision = ["--precision", flags.precision]
        scratch = ["--epochs", str(flags.epochs), *precision]
        from_scratch = demo_runs.train_and_test(data, "from_scratch", seed, scratch)
        pictures = train_on_pictures(data, seed, flags.epochs, precision)
        start = ["--epochs", str(flags.epochs // 2), *precision, "--weights", str(pictures)]
        pairs.append((from_scratch, demo_runs.train_and_test(data, "from_pictures", seed, start)))
    for line in report(pairs, flags.seeds):
        print(line)
    return 0


def train_on_pictures(data: Path, seed: int, epochs: int, precision: list[str]) -> Path:
    """Train on single frames, and return the checkpoint. An epoch of clips has as many frames as
    `clip_frames` epochs of single ones."""
    singles = epochs // 2 * clip_frames(seed)
    image = ["--dataset", "image", "--clip_frames", "1", "--temporal", "none"]
    demo_runs.train_and_test(data, "pictures", seed, [*image, "--epochs", str(singles), *precision])
    return data.with_name("pictures") / "best.pt"


def clip_frames(seed: int) -> int:
    """Return the frames of a clip in the demo's training."""
    command = demo.commands(seed)["train"]
    flag = "--clip_frames"
    return int(command[command.index(flag) + 1]) if flag in command else ClipConfig.clip_frames


def report(pairs: list[tuple[Aucs, Aucs]], seeds: list[int]) -> Iterator[str]:
    """Yield a row for every seed with the mean AUC over methods of both, then the mean gain."""
    yield f"\n{'seed':<8}{'from scratch':>14}{'from pictures':>15}{'gain':>8}"
    gains = []
    for seed, (scratch, start) in zip(seeds, pairs, strict=True):
        one, other = (float(np.mean(list(aucs.values()))) for aucs in (scratch, start))
        gains.append(other - one)
        yield f"{seed:<8}{one:>14.3f}{other:>15.3f}{gains[-1]:>+8.3f}"
    if len(gains) > 1:
        low, high = mean_interval(np.array(gains))
        yield (
            f"mean gain {np.mean(gains):+.3f}, {CONFIDENCE:.0%} interval {low:+.3f} to {high:+.3f} "
            f"(t, {len(gains)} seeds)"
        )


if __name__ == "__main__":
    errors.run(main)
