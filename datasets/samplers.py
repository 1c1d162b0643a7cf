"""Which items an epoch draws, and in which order."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from torch.utils.data import Sampler

from common.errors import DataError

BALANCED = 0.49  # a smaller share of the rarer label makes a training split unbalanced


class EpochSampler(Sampler[int]):
    """Draws an epoch's items in an order that depends on seed and epoch.

    `balance` says which items:

    none: every item once.
    per_epoch: all items of the rarer label and as many of the other one, which takes turns: after
        ceil(commoner / rarer) epochs every item was drawn.
    oversample: all items of the more frequent label, and the rarer ones repeatedly.
    pairs: a real and a fake of the same source side by side, for every source that has both; the
        more frequent label takes turns, and items without a partner are never drawn.

    Items of one source always stand next to each other, so that most batches hold a real and a fake
    that differ only by the manipulation; with pairs and an even batch size all do.
    """

    def __init__(self, labels: list[int], sources: list[str], balance: str, seed: int) -> None:
        """Raise DataError for pairs when no source has both labels."""
        self.labels = np.asarray(labels)
        self.sources = np.asarray(sources)
        self.draw = {
            "none": self._all,
            "per_epoch": self._per_epoch,
            "oversample": self._oversample,
            "pairs": self._pairs,
        }[balance]
        self.seed = seed
        self.epoch = self.skip = 0
        values, counts = np.unique(self.labels, return_counts=True)
        self.is_rare = self.labels == values[counts.argmin()]
        self.rare, self.common = np.flatnonzero(self.is_rare), np.flatnonzero(~self.is_rare)
        self.length = len(self.draw())
        if not self.length:
            raise DataError("--balance pairs: no source of the training split has both labels")

    def set_epoch(self, epoch: int, skip: int = 0) -> None:
        """Select the epoch; `skip` is the number of items drawn before the run was interrupted."""
        self.epoch, self.skip = epoch, skip

    def __len__(self) -> int:
        """Return the number of items of a whole epoch."""
        return self.length

    def drawn_labels(self) -> list[int]:
        """Return the labels of an epoch's items; every epoch draws the same number of each
        label."""
        return self.labels[self.draw()].tolist()

    def __iter__(self) -> Iterator[int]:
        drawn = self.draw()
        # Sources in random order; within each, its items in the order in which they were drawn.
        names, group = np.unique(self.sources[drawn], return_inverse=True)
        rank_of_source = np.random.default_rng([self.seed, self.epoch, 1]).permutation(len(names))
        yield from drawn[np.argsort(rank_of_source[group], kind="stable")][self.skip :].tolist()

    def _all(self) -> np.ndarray:
        return self._shuffled(np.arange(len(self.labels)))

    def _per_epoch(self) -> np.ndarray:
        count = len(self.rare)
        if not len(self.common):
            return self._all()
        return self._shuffled(np.concatenate([self.rare, self._turn(self.common, count)]))

    def _oversample(self) -> np.ndarray:
        if not len(self.common):
            return self._all()
        again = np.resize(self._shuffled(self.rare), len(self.common))
        return self._shuffled(np.concatenate([again, self.common]))

    def _pairs(self) -> np.ndarray:
        pairs = [np.empty((0, 2), dtype=int)]
        for items in pd.Series(self.sources).groupby(self.sources).indices.values():
            rare, common = items[self.is_rare[items]], items[~self.is_rare[items]]
            count = min(len(rare), len(common))
            if count:
                turns = [self._turn(rare, count), self._turn(common, count)]
                pairs.append(np.stack(turns, axis=1))
        return np.concatenate(pairs).ravel()

    def _shuffled(self, items: np.ndarray) -> np.ndarray:
        return np.random.default_rng([self.seed, self.epoch, 2]).permutation(items)

    def _turn(self, items: np.ndarray, count: int) -> np.ndarray:
        """Return this epoch's `count` of `items`. A shuffled list is dealt out epoch by epoch, one
        item of every source before the second item of any."""
        turns = -(-len(items) // count)
        cycle, turn = divmod(self.epoch, turns)
        random = np.random.default_rng([self.seed, cycle, 0])
        shuffled = random.permutation(items)
        count_of_source: dict[str, int] = {}
        rounds = []
        for source in self.sources[shuffled]:
            rounds.append(count_of_source.get(source, 0))
            count_of_source[source] = rounds[-1] + 1
        dealt = shuffled[np.argsort(rounds, kind="stable")]
        return np.resize(dealt, turns * count)[turn * count : (turn + 1) * count]


class Batches(Sampler[list[int]]):
    """Groups an epoch's items into batches and yields one process's part of each."""

    def __init__(self, items: EpochSampler, size: int, rank: int = 0, world_size: int = 1) -> None:
        """`size` is the number of clips in a whole batch."""
        self.items, self.size, self.rank, self.world_size = items, size, rank, world_size

    @property
    def clips(self) -> int:
        """Return the number of clips of a whole epoch."""
        return len(self.items)

    def set_epoch(self, epoch: int, skip: int = 0) -> None:
        self.items.set_epoch(epoch, skip)

    def sizes(self) -> list[int]:
        """Return the sizes of the epoch's whole batches that are not done yet."""
        return self._sizes(self.clips - self.items.skip)

    def __len__(self) -> int:
        """Return the number of batches of a whole epoch."""
        return len(self._sizes(self.clips))

    def __iter__(self) -> Iterator[list[int]]:
        items = list(self.items)
        for number, size in enumerate(self.sizes()):
            start = number * self.size
            yield [items[start + i] for i in share(size, self.rank, self.world_size)]

    def _sizes(self, clips: int) -> list[int]:
        whole, rest = divmod(clips, self.size)
        # Every process needs a clip: if fewer are left at the epoch's end, they are left out.
        return [self.size] * whole + [rest] * (rest >= max(1, self.world_size))


def share(count: int, rank: int, world_size: int) -> range:
    """Return which of `count` things belong to a process: each thing to exactly one, in nearly
    equal shares."""
    return range(count * rank // world_size, count * (rank + 1) // world_size)


def is_unbalanced(labels: list[int]) -> bool:
    """Return whether one label is so rare that training needs balancing."""
    share = float(np.mean(labels))
    return min(share, 1 - share) < BALANCED
