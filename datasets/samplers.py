"""Samplers: which items an epoch draws, in which order, and in which batches."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from common.errors import DataError

BALANCED = 0.49  # a training split is unbalanced if the rarer label has a smaller share


class ItemSampler(Protocol):
    """Draws the items of epochs: an EpochSampler or a MixedSampler."""

    def __len__(self) -> int: ...

    def drawn_labels(self) -> list[int]: ...

    def epoch(self, number: int) -> list[int]: ...


class EpochSampler:
    """Draws the items of an epoch, in an order that depends only on the seed and the epoch.

    `balance` selects the items:

    none: every item once.
    per_epoch: all items of the rarer label and as many of the more frequent label. The latter
        change with the epoch: after ceil(frequent / rarer) epochs, every item has been drawn.
    oversample: all items of the more frequent label, and items of the rarer label repeatedly until
        both labels are equally frequent.
    pairs: from every source that has both labels, pairs of a real and a fake item, side by side.
        The items of the label that has more of them in the source change with the epoch. Items of
        other sources are never drawn.

    Items of one source are always adjacent, so that most batches hold a real and a fake that differ
    only by the manipulation. With pairs and an even batch size, all batches do.
    """

    def __init__(self, labels: list[int], sources: list[str], balance: str, seed: int) -> None:
        """`labels` and `sources` have one entry per item. Raise DataError if `balance` is pairs and
        no source has both labels."""
        self.labels = np.asarray(labels)
        self.sources = np.asarray(sources)
        draws: dict[str, Callable[[int], np.ndarray]] = {
            "none": self._all,
            "per_epoch": self._per_epoch,
            "oversample": self._oversample,
            "pairs": self._pairs,
        }
        self.draw, self.seed = draws[balance], seed
        values, counts = np.unique(self.labels, return_counts=True)
        self.is_rare = self.labels == values[counts.argmin()]
        self.rare, self.common = np.flatnonzero(self.is_rare), np.flatnonzero(~self.is_rare)
        self.length = len(self.draw(0))
        if not self.length:
            raise DataError("--balance pairs: no source of the training split has both labels")

    def __len__(self) -> int:
        """Return the number of items in an epoch."""
        return self.length

    def drawn_labels(self) -> list[int]:
        """Return the labels of the items in an epoch, in no particular order. Their counts are the
        same in every epoch."""
        return self.labels[self.draw(0)].tolist()

    def epoch(self, number: int) -> list[int]:
        """Return the items of the epoch `number`, from 0, in their order."""
        drawn = self.draw(number)
        # Sources in random order; the items of each stay in the order in which they were drawn.
        names, group = np.unique(self.sources[drawn], return_inverse=True)
        rank_of_source = np.random.default_rng([self.seed, number, 1]).permutation(len(names))
        return drawn[np.argsort(rank_of_source[group], kind="stable")].tolist()

    def _all(self, epoch: int) -> np.ndarray:
        return self._shuffled(np.arange(len(self.labels)), epoch)

    def _per_epoch(self, epoch: int) -> np.ndarray:
        if not len(self.common):
            return self._all(epoch)
        common = self._turn(self.common, len(self.rare), epoch)
        return self._shuffled(np.concatenate([self.rare, common]), epoch)

    def _oversample(self, epoch: int) -> np.ndarray:
        if not len(self.common):
            return self._all(epoch)
        again = np.resize(self._shuffled(self.rare, epoch), len(self.common))
        return self._shuffled(np.concatenate([again, self.common]), epoch)

    def _pairs(self, epoch: int) -> np.ndarray:
        pairs = [np.empty((0, 2), dtype=int)]
        for items in pd.Series(self.sources).groupby(self.sources).indices.values():
            rare, common = items[self.is_rare[items]], items[~self.is_rare[items]]
            count = min(len(rare), len(common))
            if count:
                turns = [self._turn(rare, count, epoch), self._turn(common, count, epoch)]
                pairs.append(np.stack(turns, axis=1))
        return np.concatenate(pairs).ravel()

    def _shuffled(self, items: np.ndarray, epoch: int) -> np.ndarray:
        return np.random.default_rng([self.seed, epoch, 2]).permutation(items)

    def _turn(self, items: np.ndarray, count: int, epoch: int) -> np.ndarray:
        """Return the `count` of `items` that an epoch draws. A shuffled list is used up over the
        epochs and then shuffled again. In it, the first items of all sources come before the second
        item of any."""
        turns = -(-len(items) // count)
        cycle, turn = divmod(epoch, turns)
        random = np.random.default_rng([self.seed, cycle, 0])
        shuffled = random.permutation(items)
        count_of_source: dict[str, int] = {}
        rounds = []
        for source in self.sources[shuffled]:
            rounds.append(count_of_source.get(source, 0))
            count_of_source[source] = rounds[-1] + 1
        dealt = shuffled[np.argsort(rounds, kind="stable")]
        return np.resize(dealt, turns * count)[turn * count : (turn + 1) * count]


class Batches:
    """Divides an epoch into batches and returns the part of each that belongs to process `rank`."""

    def __init__(self, items: ItemSampler, size: int, rank: int = 0, world_size: int = 1) -> None:
        """`size` is the number of clips in a whole batch, summed over all processes."""
        self.items, self.size, self.rank, self.world_size = items, size, rank, world_size

    @property
    def clips(self) -> int:
        """The number of clips in a whole epoch, summed over all processes."""
        return len(self.items)

    def __len__(self) -> int:
        """Return the number of batches in a whole epoch."""
        return len(self.sizes())

    def sizes(self, skip: int = 0) -> list[int]:
        """Return the number of clips, summed over all processes, of each batch of an epoch whose
        first `skip` clips are left out."""
        whole, rest = divmod(self.clips - skip, self.size)
        # Every process needs a clip, so a last batch with fewer clips than processes is dropped.
        return [self.size] * whole + [rest] * (rest >= max(1, self.world_size))

    def epoch(self, number: int, skip: int = 0) -> list[list[int]]:
        """Return this process's part of the batches of an epoch. Its first `skip` clips, which were
        used before an interruption, are left out."""
        items = self.items.epoch(number)[skip:]
        return [
            [items[batch * self.size + i] for i in share(size, self.rank, self.world_size)]
            for batch, size in enumerate(self.sizes(skip))
        ]


class FixedBatches:
    """Divides items into batches that are the same in every epoch."""

    def __init__(self, items: Sequence[int], size: int) -> None:
        self.items, self.size = items, size

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self.sizes())

    def sizes(self, skip: int = 0) -> list[int]:
        """Return the number of items of each batch, without the first `skip` items."""
        whole, rest = divmod(len(self.items) - skip, self.size)
        return [self.size] * whole + [rest] * (rest > 0)

    def epoch(self, number: int, skip: int = 0) -> list[list[int]]:
        """Return the batches of an epoch without its first `skip` items."""
        items = self.items[skip:]
        return [list(items[i : i + self.size]) for i in range(0, len(items), self.size)]


def share(count: int, rank: int, world_size: int) -> range:
    """Return the positions among `count` items that belong to process `rank`. The shares of all
    processes are disjoint, complete and differ in size by at most one."""
    return range(count * rank // world_size, count * (rank + 1) // world_size)


def is_unbalanced(labels: list[int]) -> bool:
    """Return whether one label is so rare that training needs balancing (see BALANCED)."""
    share = float(np.mean(labels))
    return min(share, 1 - share) < BALANCED
