"""Which items an epoch draws, and in which order."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from torch.utils.data import Sampler

from common.errors import DataError

BALANCED = 0.49  # share of the rarer label below which a training split counts as unbalanced


class EpochSampler(Sampler[int]):
    """An epoch's items, in an order drawn from seed and epoch.

    `balance` says which items those are:
    none: every item once.
    per_epoch: all of the rarer label and as many of the commoner one, which takes turns: after
    ceil(commoner / rarer) epochs every item was seen, and none is lost for good.
    oversample: all of the commoner label, and the rarer one again and again.
    pairs: a real and a fake of the same source, side by side, for every source that has both;
    the commoner label takes turns, and items without a partner are never drawn.

    In every mode items of one source stand next to each other, so that most batches hold a real
    and a fake that differ by the manipulation alone; with pairs and an even batch size all do.
    """

    def __init__(self, labels: list[int], sources: list[str], balance: str, seed: int) -> None:
        """Raise DataError for pairs where no source has both labels."""
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
        """`skip`: items of the epoch that were drawn before the run was interrupted."""
        self.epoch, self.skip = epoch, skip

    def __len__(self) -> int:
        """Of a whole epoch."""
        return self.length

    def drawn_labels(self) -> list[int]:
        """Those of the items of an epoch; every epoch draws as many of each label."""
        return self.labels[self.draw()].tolist()

    def __iter__(self) -> Iterator[int]:
        drawn = self.draw()
        # Sources in a random order; inside each, the order in which its items were drawn.
        names, group = np.unique(self.sources[drawn], return_inverse=True)
        place = np.random.default_rng([self.seed, self.epoch, 1]).permutation(len(names))
        yield from drawn[np.argsort(place[group], kind="stable")][self.skip :].tolist()

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


class Batches(Sampler[list[int]]):
    """An epoch's items in batches, and of every batch what one of several processes takes."""

    def __init__(self, items: EpochSampler, size: int, rank: int = 0, world_size: int = 1) -> None:
        """`size`: clips of a whole batch."""
        self.items, self.size, self.rank, self.world_size = items, size, rank, world_size

    @property
    def clips(self) -> int:
        """Of a whole epoch."""
        return len(self.items)

    def set_epoch(self, epoch: int, skip: int = 0) -> None:
        self.items.set_epoch(epoch, skip)

    def sizes(self) -> list[int]:
        """Of the epoch's whole batches that are not done yet."""
        return self._sizes(self.clips - self.items.skip)

    def __len__(self) -> int:
        """Of a whole epoch."""
        return len(self._sizes(self.clips))

    def __iter__(self) -> Iterator[list[int]]:
        items = list(self.items)
        for number, size in enumerate(self.sizes()):
            start = number * self.size
            yield [items[start + i] for i in share(size, self.rank, self.world_size)]

    def _sizes(self, clips: int) -> list[int]:
        whole, rest = divmod(clips, self.size)
        # Every process needs a clip: an epoch's last few are left out where there are fewer.
        return [self.size] * whole + [rest] * (rest >= max(1, self.world_size))


def share(count: int, rank: int, world_size: int) -> range:
    """Which of `count` things are a process's: each is exactly one's, and shares are all but
    equal."""
    return range(count * rank // world_size, count * (rank + 1) // world_size)


def is_unbalanced(labels: list[int]) -> bool:
    share = float(np.mean(labels))
    return min(share, 1 - share) < BALANCED
