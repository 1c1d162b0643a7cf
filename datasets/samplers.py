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
    Items of one source are drawn next to each other where both labels have one, so that most
    batches hold a real and a fake that differ by the manipulation alone.
    """

    def __init__(self, labels: list[int], sources: list[str], balance: bool, seed: int) -> None:
        self.labels = np.asarray(labels)
        self.sources = np.asarray(sources)
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
            common = np.flatnonzero(self.labels != self.rarer)
            drawn = np.concatenate([rare, self._turn(common, len(rare))])
        # A random order of sources, and a random order inside each.
        random = np.random.default_rng([self.seed, self.epoch, 1])
        names, group = np.unique(self.sources[drawn], return_inverse=True)
        order = np.lexsort([random.random(len(drawn)), random.permutation(len(names))[group]])
        yield from drawn[order].tolist()

    def _turn(self, items: np.ndarray, count: int) -> np.ndarray:
        """This epoch's `count` of `items`: a shuffle is dealt out, epoch after epoch, one item of
        every source before the second of any."""
        turns = -(-len(items) // count)
        cycle, turn = divmod(self.epoch, turns)
        random = np.random.default_rng([self.seed, cycle, 0])
        shuffled = random.permutation(items)
        seen: dict[str, int] = {}
        rounds = []
        for source in self.sources[shuffled]:
            rounds.append(seen.get(source, 0))
            seen[source] = rounds[-1] + 1
        dealt = shuffled[np.argsort(rounds, kind="stable")]
        return np.resize(dealt, turns * count)[turn * count : (turn + 1) * count]


def is_unbalanced(labels: list[int]) -> bool:
    share = float(np.mean(labels))
    return min(share, 1 - share) < BALANCED
