"""Draws epochs from several collections, each with a share of the items."""

from collections.abc import Sequence

import numpy as np

from common.errors import DataError
from datasets.samplers import EpochSampler


class MixedSampler:
    """Draws the items of an epoch from several collections, in mixed order.

    Each collection has a sampler of its own, whose epochs follow each other without a gap: an
    epoch of the mixture takes from each the next items. It is so long that the collection which is
    largest for its share is drawn once; the others begin anew as often as their shares ask for.
    """

    def __init__(
        self,
        collections: Sequence[str],
        labels: Sequence[int],
        sources: Sequence[str],
        shares: dict[str, float],
        balance: str,
        seed: int,
    ) -> None:
        """`collections`, `labels` and `sources` have one entry per item. `shares` are relative to
        each other, positive, and have the names in `collections`; if empty, every collection is
        drawn whole. Raise DataError if `balance` is not none and a collection has one label alone,
        or if it is pairs and a collection has no pairs."""
        self.seed, self.unit = seed, 2 if balance == "pairs" else 1
        names, owners = np.unique(collections, return_inverse=True)
        self.labels = np.asarray(labels)
        self.items = [np.flatnonzero(owners == number) for number in range(len(names))]
        for name, items in zip(names, self.items, strict=True):
            if balance != "none" and len(set(self.labels[items])) == 1:
                raise DataError(
                    f"--balance {balance}: {name} has clips of one label alone, and a model would "
                    "learn the collection instead; --sbi above 0 gives its reals a fake each"
                )
        self.samplers = [
            EpochSampler(self.labels[at].tolist(), np.asarray(sources)[at].tolist(), balance, seed)
            for at in self.items
        ]
        lengths = np.array([len(sampler) for sampler in self.samplers])
        weights = np.array([shares.get(name, 1) for name in names])
        wanted = weights * (lengths / weights).max() if shares else lengths
        # Whole pairs, so that no pair is divided between epochs. The small amount keeps divisions
        # that are exact from being rounded down.
        self.counts = np.maximum(wanted / self.unit + 1e-9, 1).astype(int) * self.unit

    def __len__(self) -> int:
        """Return the number of items in an epoch."""
        return int(self.counts.sum())

    def drawn_labels(self) -> list[int]:
        """Return the labels of the items in an epoch, in no particular order."""
        return self.labels[self.epoch(0)].tolist()

    def epoch(self, number: int) -> list[int]:
        """Return the items of the epoch `number`, from 0, in their order."""
        parts = zip(self.items, self.samplers, self.counts, strict=True)
        drawn = np.concatenate([at[self._next(own, n, number)] for at, own, n in parts])
        units = drawn.reshape(-1, self.unit)
        return (
            units[np.random.default_rng([self.seed, number, 3]).permutation(len(units))]
            .ravel()
            .tolist()
        )

    @staticmethod
    def _next(sampler: EpochSampler, count: int, number: int) -> list[int]:
        """Return the `count` items that a collection gives to the epoch `number`."""
        first, offset = divmod(number * count, len(sampler))
        items: list[int] = []
        while len(items) < offset + count:
            items += sampler.epoch(first)
            first += 1
        return items[offset : offset + count]
