"""What an epoch draws: all of the rarer label, a fresh share of the other, none lost."""

import math
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from datasets.samplers import EpochSampler, is_unbalanced


def drawn(sampler: EpochSampler, epoch: int) -> list[int]:
    sampler.set_epoch(epoch)
    return list(sampler)


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
    sampler = EpochSampler(labels, [str(i % 7) for i in range(len(labels))], True, seed)
    rarer, commoner = sorted((reals, fakes))
    seen: set[int] = set()
    for epoch in range(math.ceil(commoner / rarer)):
        items = drawn(sampler, epoch)
        assert len(items) == len(sampler) == 2 * rarer
        if reals != fakes:
            assert Counter(labels[i] for i in items) == {0: rarer, 1: rarer}
        seen.update(items)
    assert seen == set(range(len(labels)))


def test_epochs_differ_and_the_same_seed_repeats_them() -> None:
    labels, sources = dfdc(20, 4)
    first, again = (EpochSampler(labels, sources, True, seed=3) for _ in range(2))
    assert drawn(first, 0) == drawn(again, 0)
    assert drawn(first, 0) != drawn(first, 1)
    assert drawn(first, 0) != drawn(EpochSampler(labels, sources, True, seed=4), 0)


def test_without_balance_an_epoch_is_every_item_once() -> None:
    labels, sources = dfdc(5, 4)
    assert sorted(drawn(EpochSampler(labels, sources, False, 0), 0)) == list(range(25))


def test_every_real_is_drawn_beside_a_fake_of_its_own_source() -> None:
    labels, sources = dfdc(12, 4)
    sampler = EpochSampler(labels, sources, True, 0)
    for epoch in range(4):
        items = np.array(drawn(sampler, epoch)).reshape(-1, 2)
        for pair in items:
            assert len({sources[i] for i in pair}) == 1
            assert {labels[i] for i in pair} == {0, 1}


def test_unbalanced_means_more_than_one_percent_off() -> None:
    assert is_unbalanced([0] * 20 + [1] * 80)
    assert is_unbalanced([1] * 20 + [0] * 80)
    assert not is_unbalanced([0] * 495 + [1] * 505)
