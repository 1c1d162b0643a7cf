"""An epoch of several collections: their shares, whole pairs, and every item's turn."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import DataError
from datasets.mixed_sampler import MixedSampler


def mixture(pairs: list[int], shares: dict[str, float], balance: str = "pairs") -> MixedSampler:
    """A sampler of collections a, b, … with `pairs` sources of a real and a fake each."""
    names = [name for name, count in zip("abcd", pairs, strict=False) for _ in range(2 * count)]
    sources = [f"{name}{index // 2}" for index, name in enumerate(names)]
    labels = [index % 2 for index in range(len(names))]
    return MixedSampler(names, labels, sources, shares, balance, seed=1)


@given(
    pairs=st.lists(st.integers(1, 30), min_size=2, max_size=4),
    weights=st.lists(st.floats(0.5, 5), min_size=4, max_size=4),
    balance=st.sampled_from(["pairs", "per_epoch", "none"]),
)
def test_epochs_have_the_shares_and_the_collection_largest_for_its_share_is_drawn_once(
    pairs: list[int], weights: list[float], balance: str
) -> None:
    shares = dict(zip("abcd", weights, strict=True))
    sampler = mixture(pairs, shares, balance)
    counts = np.array([np.isin(sampler.epoch(0), items).sum() for items in sampler.items])
    assert (counts >= 2 * np.array(pairs)).all()
    assert (counts == 2 * np.array(pairs)).any()
    assert counts.sum() == len(sampler) == len(sampler.epoch(0)) == len(sampler.drawn_labels())
    wanted = np.array(weights[: len(pairs)]) * (2 * np.array(pairs) / weights[: len(pairs)]).max()
    assert (np.abs(counts - wanted) <= 2).all()


@given(pairs=st.lists(st.integers(1, 20), min_size=2, max_size=4), epoch=st.integers(0, 50))
def test_pairs_stay_together(pairs: list[int], epoch: int) -> None:
    sampler = mixture(pairs, dict.fromkeys("abcd", 1.0))
    for first, second in np.array(sampler.epoch(epoch)).reshape(-1, 2):
        assert first // 2 == second // 2 and first != second


def test_over_epochs_every_item_is_drawn_equally_often() -> None:
    sampler = mixture([3, 12], {"a": 1.0, "b": 2.0})  # 12 and 24 items in an epoch
    drawn = Counter(item for epoch in range(4) for item in sampler.epoch(epoch))
    assert {drawn[item] for item in range(6)} == {8}
    assert {drawn[item] for item in range(6, 30)} == {4}


def test_without_shares_all_items_are_drawn() -> None:
    sampler = mixture([3, 12], {})
    assert sorted(sampler.epoch(2)) == list(range(30))


def test_epochs_depend_on_seed_and_number_alone() -> None:
    sampler, again = (mixture([5, 9], {"a": 2.0, "b": 1.0}) for _ in range(2))
    assert sampler.epoch(7) == again.epoch(7) != sampler.epoch(8)


@pytest.mark.parametrize("balance", ["pairs", "per_epoch", "oversample"])
def test_a_collection_of_one_label_is_refused_where_labels_are_balanced(balance: str) -> None:
    items = ["a", "a", "b"], [0, 1, 0], ["s", "s", "t"], {}
    with pytest.raises(DataError, match=f"--balance {balance}: b has clips of one label alone"):
        MixedSampler(*items, balance, 0)
    assert len(MixedSampler(*items, "none", 0)) == 3


def test_a_collection_without_pairs_is_refused() -> None:
    with pytest.raises(DataError, match="no source of the training split has both labels"):
        MixedSampler(list("aabb"), [0, 1, 0, 1], list("sstu"), {}, "pairs", 0)
