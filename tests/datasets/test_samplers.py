"""What an epoch draws: all of the rarer label, a fresh share of the other, none lost."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import DataError
from datasets.samplers import Batches, EpochSampler, FixedBatches, is_unbalanced


def dfdc(reals: int, fakes_each: int) -> tuple[list[int], list[str]]:
    """Labels and sources: every real with its fakes."""
    labels = [0] * reals + [1] * (reals * fakes_each)
    sources = [f"s{i}" for i in range(reals)] * (1 + fakes_each)
    return labels, sources


@given(reals=st.integers(1, 40), fakes=st.integers(1, 200), seed=st.integers(0, 1000))
def test_an_epoch_is_half_fake_and_every_item_has_its_turn(
    reals: int, fakes: int, seed: int
) -> None:
    labels = [0] * reals + [1] * fakes
    sampler = EpochSampler(labels, [str(i % 7) for i in range(len(labels))], "per_epoch", seed)
    rarer, commoner = sorted((reals, fakes))
    seen: set[int] = set()
    for epoch in range(math.ceil(commoner / rarer)):
        items = sampler.epoch(epoch)
        assert len(items) == len(sampler) == 2 * rarer
        if reals != fakes:
            assert Counter(labels[i] for i in items) == {0: rarer, 1: rarer}
        seen.update(items)
    assert seen == set(range(len(labels)))


def test_epochs_differ_and_the_same_seed_repeats_them() -> None:
    labels, sources = dfdc(20, 4)
    first, again = (EpochSampler(labels, sources, "per_epoch", seed=3) for _ in range(2))
    assert first.epoch(0) == again.epoch(0)
    assert first.epoch(0) != first.epoch(1)
    assert first.epoch(0) != EpochSampler(labels, sources, "per_epoch", seed=4).epoch(0)


def test_without_balance_an_epoch_is_every_item_once() -> None:
    labels, sources = dfdc(5, 4)
    assert sorted(EpochSampler(labels, sources, "none", 0).epoch(0)) == list(range(25))


def test_every_real_is_drawn_beside_a_fake_of_its_own_source() -> None:
    labels, sources = dfdc(12, 4)
    sampler = EpochSampler(labels, sources, "per_epoch", 0)
    for epoch in range(4):
        items = np.array(sampler.epoch(epoch)).reshape(-1, 2)
        for pair in items:
            assert len({sources[i] for i in pair}) == 1
            assert {labels[i] for i in pair} == {0, 1}


def test_unbalanced_means_more_than_one_percent_off() -> None:
    assert is_unbalanced([0] * 20 + [1] * 80)
    assert is_unbalanced([1] * 20 + [0] * 80)
    assert not is_unbalanced([0] * 495 + [1] * 505)


@given(reals=st.integers(1, 40), fakes=st.integers(1, 200), epoch=st.integers(0, 5))
def test_oversampling_repeats_the_rarer_label_evenly(reals: int, fakes: int, epoch: int) -> None:
    labels = [0] * reals + [1] * fakes
    sampler = EpochSampler(labels, [str(i % 7) for i in range(len(labels))], "oversample", 0)
    items = sampler.epoch(epoch)
    assert len(items) == len(sampler) == 2 * max(reals, fakes)
    times = Counter(items)
    assert set(times) == set(range(len(labels))), "nothing is left out"
    for label in (0, 1):
        counts = [times[i] for i in range(len(labels)) if labels[i] == label]
        assert sum(counts) == max(reals, fakes)
        assert max(counts) - min(counts) <= 1


def test_every_batch_of_pairs_holds_a_real_and_a_fake_of_one_source() -> None:
    labels, sources = dfdc(12, 4)
    labels, sources = [*labels, 1, 0], [*sources, "without real", "without fake"]
    sampler = EpochSampler(labels, sources, "pairs", 0)
    fakes: set[int] = set()
    for epoch in range(4):
        items = sampler.epoch(epoch)
        assert len(items) == len(sampler) == 24
        for first, second in np.array(items).reshape(-1, 2):
            assert sources[first] == sources[second]
            assert {labels[first], labels[second]} == {0, 1}
        fakes.update(i for i in items if labels[i])
    assert fakes == set(range(12, 60)), "every fake with a real has its turn"


def test_pairs_without_a_source_that_has_both_labels_are_refused() -> None:
    with pytest.raises(DataError, match="--balance pairs"):
        EpochSampler([0, 1], ["a", "b"], "pairs", 0)


@pytest.mark.parametrize("balance", ["none", "per_epoch", "oversample"])
def test_a_single_label_is_drawn_whole(balance: str) -> None:
    assert sorted(EpochSampler([1, 1, 1], ["a", "b", "a"], balance, 0).epoch(0)) == [0, 1, 2]


@given(
    items=st.integers(1, 50),
    size=st.integers(1, 12),
    processes=st.integers(1, 4),
    steps=st.integers(0, 3),
)
def test_the_processes_share_the_batches_of_an_epoch(
    items: int, size: int, processes: int, steps: int
) -> None:
    sampler = EpochSampler([0, 1] * items, [str(i) for i in range(2 * items)], "none", 0)
    size = max(size, processes)
    parts = [Batches(sampler, size, rank, processes) for rank in range(processes)]
    skip = min(steps * size, 2 * items)
    epochs = [part.epoch(3, skip) for part in parts]
    whole = [[item for share in batch for item in share] for batch in zip(*epochs, strict=True)]
    assert [len(batch) for batch in whole] == parts[0].sizes(skip)
    assert all(share for epoch in epochs for share in epoch), "no process is without a clip"
    read = [item for batch in whole for item in batch]
    assert read == sampler.epoch(3)[skip : skip + len(read)]
    assert 2 * items - skip - len(read) < processes


def test_fixed_batches_hold_every_item_in_order() -> None:
    batches = FixedBatches(range(3, 10), 3)
    assert batches.epoch(0) == batches.epoch(5) == [[3, 4, 5], [6, 7, 8], [9]]
    assert len(batches) == 3
    assert batches.epoch(0, skip=4) == [[7, 8, 9]]
    assert FixedBatches(range(0), 3).epoch(0) == []
