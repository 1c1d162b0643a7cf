"""No source is in two splits, whatever is added and in whatever order it comes."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from common.errors import UsageError
from datasets import splits
from datasets.layouts.dfdc import read as read_dfdc
from datasets.manifest import FAKE, REAL
from tests.helpers.commands import ROOT

METADATA = ROOT.parent / "shared/data/metadata"

# Surrogates are no text that UTF-8 can hold: test_preprocess.py has them.
names = st.text(st.characters(codec="utf-8"), max_size=12)
seeds = st.integers(-(2**40), 2**40)
shares = st.floats(0, 0.45)


@pytest.fixture(scope="module")
def made_up() -> pd.DataFrame:
    """10,000 videos of 1,500 sources, each with one real and a varying number of fakes."""
    rng = np.random.default_rng(0)
    owners = np.concatenate([np.arange(1500), rng.integers(0, 1500, 8500)])
    return pd.DataFrame(
        {
            "video_id": [f"part_{owner % 5}/{i:05d}.mp4" for i, owner in enumerate(owners)],
            "source": [f"source{owner}" for owner in owners],
            "label": np.where(np.arange(10_000) < 1500, REAL, FAKE),
        }
    )


def splits_per_source(sources: pd.Series, assigned: pd.Series) -> pd.Series:
    return assigned.groupby(sources).nunique()


def test_fractions_are_fixed_for_ever() -> None:
    """A change would move every video of every manifest that was ever written."""
    assert splits.fraction(0, "aagfhgtpmv") == 0.30789507120613047


@given(seed=seeds, name=names)
def test_fractions_are_in_the_half_open_unit_interval(seed: int, name: str) -> None:
    assert 0 <= splits.fraction(seed, name) < 1


def test_fractions_are_spread_evenly() -> None:
    values = [splits.fraction(7, f"source{i}") for i in range(10_000)]
    counts, _ = np.histogram(values, bins=10, range=(0, 1))
    assert counts.min() > 850
    assert counts.max() < 1150


def test_no_source_of_ten_thousand_videos_is_in_two_splits(made_up: pd.DataFrame) -> None:
    assigned = splits.assign(made_up["source"], 0, 0.1, 0.2)
    assert (splits_per_source(made_up["source"], assigned) == 1).all()
    by_source = assigned.groupby(made_up["source"]).first().value_counts(normalize=True)
    assert by_source["val"] == pytest.approx(0.1, abs=0.03)
    assert by_source["test"] == pytest.approx(0.2, abs=0.03)


@given(st.lists(names, min_size=1, max_size=40), seeds, shares, shares)
def test_a_fake_and_its_original_are_never_apart(
    sources: list[str], seed: int, val_share: float, test_share: float
) -> None:
    column = pd.Series(sources * 3)
    try:
        assigned = splits.assign(column, seed, val_share, test_share)
    except UsageError:
        assume(False)
    assert set(assigned) <= {"train", "val", "test"}
    assert (splits_per_source(column, assigned) == 1).all()


@given(st.data(), seeds)
def test_adding_videos_moves_none(data: st.DataObject, seed: int) -> None:
    sources = [f"source{i}" for i in range(60)]
    added = data.draw(st.lists(names, max_size=30))
    order = data.draw(st.permutations(sources + added))
    before = pd.Series(sources)
    after = pd.Series(order, dtype=str)
    try:
        first = dict(zip(before, splits.assign(before, seed, 0.25, 0.25), strict=True))
    except UsageError:
        assume(False)
    second = dict(zip(after, splits.assign(after, seed, 0.25, 0.25), strict=True))
    assert {source: second[source] for source in sources} == first


def test_the_same_seed_gives_the_same_split_and_another_seed_another(
    made_up: pd.DataFrame,
) -> None:
    sources = made_up["source"]
    first = splits.assign(sources, 3, 0.1, 0.1)
    pd.testing.assert_series_equal(first, splits.assign(sources, 3, 0.1, 0.1))
    assert (first != splits.assign(sources, 4, 0.1, 0.1)).any()


def test_rows_keep_their_index(made_up: pd.DataFrame) -> None:
    shuffled = made_up.sample(frac=1, random_state=0)
    straight = splits.assign(made_up["source"], 0, 0.1, 0.1)
    pd.testing.assert_series_equal(
        splits.assign(shuffled["source"], 0, 0.1, 0.1).sort_index(), straight
    )


@pytest.mark.parametrize(
    ("val_share", "test_share", "flag"),
    [(0.0001, 0.5, "--val_share"), (0.5, 0.0001, "--test_share")],
)
def test_an_empty_split_is_refused_by_the_name_of_its_flag(
    val_share: float, test_share: float, flag: str
) -> None:
    sources = pd.Series([f"source{i}" for i in range(20)])
    with pytest.raises(UsageError, match=f"raise {flag}"):
        splits.assign(sources, 0, val_share, test_share)


def test_an_empty_training_split_is_refused() -> None:
    sources = pd.Series([f"source{i}" for i in range(20)])
    with pytest.raises(UsageError, match=r"train split is empty.*lower --val_share"):
        splits.assign(sources, 0, 0.4999, 0.5)


@pytest.mark.parametrize("share", [0.5, 0.7, 1.0])
def test_shares_that_leave_nothing_for_training_are_refused(share: float) -> None:
    with pytest.raises(UsageError, match="--val_share and --test_share"):
        splits.assign(pd.Series(["a", "b"]), 0, share, 0.5)


def test_a_share_of_nought_asks_for_no_split() -> None:
    assert set(splits.assign(pd.Series(["a", "b", "c"]), 0, 0, 0)) == {"train"}


@given(st.lists(st.sampled_from([REAL, FAKE]), min_size=1, max_size=60), seeds)
def test_undersampling_leaves_as_many_of_both_labels(labels: list[int], seed: int) -> None:
    videos = pd.DataFrame({"video_id": [f"v{i}" for i in range(len(labels))], "label": labels})
    left_out = splits.undersample(videos, seed)
    assert left_out.index.equals(videos.index)
    kept = videos[~left_out]["label"].value_counts()
    if len(set(labels)) == 1:
        assert not left_out.any(), "with one label there is nothing to balance"
    else:
        rarer = min(labels.count(REAL), labels.count(FAKE))
        assert kept.to_dict() == {REAL: rarer, FAKE: rarer}


def test_undersampling_an_empty_table_leaves_it_empty() -> None:
    videos = pd.DataFrame({"video_id": [], "label": []})
    assert len(splits.undersample(videos, 0)) == 0


def left_out_names(videos: pd.DataFrame, seed: int) -> set[str]:
    return set(videos.loc[splits.undersample(videos, seed), "video_id"])


def test_undersampling_depends_on_seed_and_names_not_on_order(made_up: pd.DataFrame) -> None:
    first = left_out_names(made_up, 0)
    assert len(first) == 7000
    assert left_out_names(made_up, 0) == first
    assert left_out_names(made_up.sample(frac=1, random_state=1), 0) == first
    assert left_out_names(made_up.iloc[::-1].reset_index(drop=True), 0) == first
    assert left_out_names(made_up, 1) != first


def test_undersampling_takes_from_the_whole_not_from_the_end(made_up: pd.DataFrame) -> None:
    fakes = made_up[made_up["label"] == FAKE]
    kept = ~fakes["video_id"].isin(left_out_names(made_up, 0))
    halves = kept.iloc[:4250].mean(), kept.iloc[4250:].mean()
    assert halves == pytest.approx((1500 / 8500,) * 2, abs=0.03)


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """DFDC's own metadata, read as a part each; its videos are not here."""
    files = sorted(METADATA.glob("*.json"))
    if not files:
        pytest.skip(f"DFDC's metadata is not at {METADATA}")
    root = tmp_path_factory.mktemp("genuine")
    for file in files:
        (root / file.stem).mkdir()
        shutil.copy(file, root / file.stem / "metadata.json")
    return read_dfdc(root)


def test_no_source_of_the_genuine_metadata_is_in_two_splits(genuine: pd.DataFrame) -> None:
    assert len(genuine) > 400
    assert set(genuine["status"]) == {"missing"}
    assigned = splits.assign(genuine["source"], 0, 0.1, 0.1)
    assert (splits_per_source(genuine["source"], assigned) == 1).all()
    stems = genuine["path"].map(lambda path: Path(path).stem)
    place = dict(zip(stems, assigned, strict=True))
    pairs = [(s, o) for s, o in zip(stems, genuine["source"], strict=True) if o in place]
    assert sum(s != o for s, o in pairs) > 100, "many fakes have their original in the metadata"
    assert all(place[stem] == place[original] for stem, original in pairs)


def test_the_genuine_metadata_is_balanced_by_undersampling(genuine: pd.DataFrame) -> None:
    left_out = splits.undersample(genuine, 0)
    counts = genuine[~left_out]["label"].value_counts()
    assert counts[REAL] == counts[FAKE] == (genuine["label"] == REAL).sum()


def leaked(table: pd.DataFrame) -> float:
    """Share of validation videos whose source is in training."""
    row = splits.audit(table).loc["val"]
    return row["leaked"] / row["videos"]


@pytest.fixture(scope="module")
def part_3(genuine: pd.DataFrame) -> pd.DataFrame:
    return genuine[genuine["video_id"].str.startswith("dfdc_train_part_3/")].copy()


def at_random(videos: pd.DataFrame) -> pd.DataFrame:
    """The naive 80/20 split by video."""
    held_out = np.random.default_rng(0).random(len(videos)) < 0.2
    return videos.assign(split=np.where(held_out, "val", "train"))


def test_the_audit_flags_a_random_split_of_the_genuine_metadata(part_3: pd.DataFrame) -> None:
    assert leaked(at_random(part_3)) > 0.95


def test_the_audit_flags_undersampling_before_a_random_split(part_3: pd.DataFrame) -> None:
    assert 0.6 < leaked(at_random(part_3[~splits.undersample(part_3, 0)])) < 0.85


def test_the_audit_passes_our_own_split_of_the_genuine_metadata(part_3: pd.DataFrame) -> None:
    ours = part_3.assign(split=splits.assign(part_3["source"], 0, 0.1, 0.1))
    assert leaked(ours) == 0
    assert splits.audit(ours)["videos"].sum() == len(part_3)


def test_the_audit_sees_a_leak_between_two_sources_of_one_group() -> None:
    """As 183 in training and 253 in validation, when FaceForensics++ has a fake of both."""
    columns = ["video_id", "label", "source", "group", "split"]
    rows = [("183", 0, "183", "183", "train"), ("253", 0, "253", "183", "val")]
    table = pd.DataFrame(rows, columns=columns)
    assert leaked(table) == 1
    assert leaked(table.drop(columns="group")) == 0


def test_the_audit_sees_a_video_that_stands_in_two_splits() -> None:
    rows = [("a.mp4", "train"), ("a.mp4", "test"), ("b.mp4", "train")]
    table = pd.DataFrame(rows, columns=["video_id", "split"]).assign(label=1, source="a")
    table.loc[2, "source"] = "b"
    assert splits.audit(table)["leaked"].to_dict() == {"test": 1, "train": 0}


def test_videos_that_are_only_measured_are_all_in_the_test_split() -> None:
    groups = pd.Series(["a", "b", "b"])
    assert set(splits.assign(groups, 0, val_share=0, test_share=1)) == {"test"}
