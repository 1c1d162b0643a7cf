"""Which items an epoch draws, and in which order."""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

# Shares of the rarer label beyond which a training split counts as unbalanced.
BALANCED = 0.49


class EpochSampler(Sampler[int]):
    """Every item once an epoch, in an order drawn from seed and epoch.

    With `balance`, all items of the rarer label and as many of the commoner one, which takes
    turns: after ceil(commoner / rarer) epochs every item was seen, and none is lost for good.
    """

    def __init__(self, labels: list[int], balance: bool, seed: int) -> None:
        self.labels = np.asarray(labels)
        self.seed = seed
        self.epoch = 0
        values, counts = np.unique(self.labels, return_counts=True)
        self.rarer = values[counts.argmin()] if balance and len(values) == 2 else None

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        if self.rarer is None:
            return len(self.labels)
        return 2 * int((self.labels == self.rarer).sum())

    def __iter__(self) -> Iterator[int]:
        drawn = np.arange(len(self.labels))
        if self.rarer is not None:
            rare = np.flatnonzero(self.labels == self.rarer)
            drawn = np.concatenate(
                [rare, self._turn(np.flatnonzero(self.labels != self.rarer), len(rare))]
            )
        yield from np.random.default_rng([self.seed, self.epoch, 1]).permutation(drawn).tolist()

    def _turn(self, items: np.ndarray, count: int) -> np.ndarray:
        """This epoch's `count` of `items`: a fresh shuffle is dealt out, epoch after epoch."""
        turns = -(-len(items) // count)
        cycle, turn = divmod(self.epoch, turns)
        shuffled = np.random.default_rng([self.seed, cycle, 0]).permutation(items)
        return np.resize(shuffled, turns * count)[turn * count : (turn + 1) * count]


def is_unbalanced(labels: list[int]) -> bool:
    share = float(np.mean(labels))
    return min(share, 1 - share) < BALANCED
