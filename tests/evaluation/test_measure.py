"""What is measured of judged videos: groups, baselines, comparisons; what has no face counts."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from evaluation import baselines, compare
from evaluation.measure import ece_if_calibrated, measure, weakest
from evaluation.video_traits import NUMERIC, groups
from scoring import metrics
from scoring.decision_rule import DecisionRule


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = partial(metrics.intervals, repetitions=50)
    monkeypatch.setattr(metrics, "intervals", draw)


def judged_videos(count: int = 40, seed: int = 0) -> pd.DataFrame:
    """`count` sources, each a real and a fake of one of two methods; `easy` fakes are found."""
    random = np.random.default_rng(seed)
    labels = np.tile([0, 1], count)
    methods = [m for i in range(count) for m in ("", "easy" if i % 2 else "hard")]
    apart = np.where(np.array(methods) == "easy", 0.6, 0.0)
    scores = np.clip(0.2 + apart + random.normal(0, 0.05, 2 * count), 0.01, 0.99)
    videos = pd.DataFrame(
        {
            "video_id": [f"v{i}" for i in range(2 * count)],
            "label": labels,
            "source": np.repeat([f"s{i}" for i in range(count)], 2),
            "group": np.repeat([f"s{i}" for i in range(count)], 2),
            "method": methods,
            "status": "ok",
            "fps": 25.0,
            **dict.fromkeys(("max_face", "mean", "confident_mean", "score", "p_fake"), scores),
            "verdict": np.where(scores >= 0.5, "fake", "real"),
        }
    )
    for name in NUMERIC:
        videos[name] = random.normal(100, 10, len(videos))
    return videos


def test_a_method_is_compared_with_all_reals_and_with_the_other_methods() -> None:
    found = measure(judged_videos(), DecisionRule(), ["method"], seed=0)["groups"]["method"]
    assert found["easy"]["auc"]["value"] == 1
    assert found["easy"]["real"] == found["hard"]["real"] == 40
    assert found["hard"]["auc"]["value"] == pytest.approx(0.5, abs=0.15)
    gap = found["easy"]["auc"]["value"] - found["hard"]["auc"]["value"]
    assert found["easy"]["auc_gap"]["value"] == pytest.approx(gap)
    assert found["easy"]["misses"]["value"] == 0
    assert found["hard"]["misses"]["value"] == 1
    assert found["hard"]["false_alarms_gap"]["value"] is None, "both have the same reals"


def test_deepfakes_and_shallowfakes_come_apart_and_the_weaker_is_named() -> None:
    videos = judged_videos()
    kinds = {"easy": "shallowfake", "hard": "deepfake", "": ""}
    videos["kind"] = videos["method"].map(kinds)
    found = measure(videos, DecisionRule(), ["method", "kind"], seed=0)["groups"]
    assert found["kind"]["deepfake"] == found["method"]["hard"], "with all reals, as for a method"
    assert weakest(found["kind"]) == "deepfake" and weakest(found["method"]) == "hard"
    groups = {name: {"auc": {"value": value}} for name, value in (("a", 0.0), ("b", 0.5))}
    assert weakest(groups) == "a"
    assert weakest({"only": {"auc": {"value": 0.5}}, "few": {"real": 3}}) is None


def test_a_gap_is_between_a_group_and_all_others() -> None:
    videos = judged_videos()
    videos["compression"] = np.where(videos["method"] == "hard", "c40", "c23")
    found = measure(videos, DecisionRule(), ["compression"], seed=0)["groups"]["compression"]
    assert found["c40"]["misses_gap"]["value"] == 1
    assert found["c23"]["misses_gap"] == {"value": -1, "interval": None}
    assert found["c40"]["auc"]["value"] is None, "no real of that group"


def test_four_sources_of_one_label_give_no_interval() -> None:
    for sources, is_given in ((4, False), (5, True)):
        videos = judged_videos()
        videos = videos[
            (videos["label"] == 1) | videos["group"].isin([f"s{i}" for i in range(sources)])
        ]
        found = measure(videos, DecisionRule(), [], seed=0)["metrics"]
        assert found["auc"]["value"] is not None
        assert (found["auc"]["interval"] is not None) is is_given


def test_a_group_with_four_sources_of_a_label_has_no_interval_and_no_gap_to_it_has_one() -> None:
    videos = judged_videos()
    old = (videos["label"] == 1) & (videos.index < 40) | (videos["label"] == 0) & (videos.index < 8)
    videos["camera"] = np.where(old, "old", "new")  # old: 4 reals, 20 fakes
    found = measure(videos, DecisionRule(), ["camera"], seed=0)["groups"]["camera"]
    assert found["old"]["misses"]["value"] is not None
    assert all(found["old"][name]["interval"] is None for name in ("auc", "misses", "auc_gap"))
    assert found["new"]["auc"]["interval"] is not None
    assert found["new"]["auc_gap"]["interval"] is None


def test_what_has_no_face_is_counted_and_in_no_number() -> None:
    videos = judged_videos()
    videos.loc[:3, ["status", "verdict", "score", "p_fake"]] = [
        "no_face",
        "no_face",
        np.nan,
        np.nan,
    ]
    found = measure(videos, DecisionRule(), ["method"], seed=0)
    assert (found["videos"], found["videos_judged"]) == (80, 76)
    assert found["verdicts"]["REAL"]["no_face"] == found["counts"]["FAKE"]["no_face"] == 2
    numbers = found["metrics"]
    assert numbers["real_called_real"]["value"] + numbers["real_called_fake"]["value"] == 38


def test_every_table_counts_what_could_not_be_judged() -> None:
    videos = judged_videos()
    videos["codec"] = ["h264", "hevc"] * 40
    # A real, a fake of `hard` and one of `easy`; of the last not even the codec is known.
    unjudged = ["no_face", "no_face", np.nan, np.nan]
    videos.loc[[0, 1, 3], ["status", "verdict", "score", "p_fake"]] = unjudged
    videos.loc[3, "codec"] = ""
    groups = measure(videos, DecisionRule(), ["method", "codec"], seed=0)["groups"]
    assert {name: group["not_judged"] for name, group in groups["method"].items()} == {
        "easy": 2,
        "hard": 2,
    }
    counts = [(g["real"], g["fake"], g["not_judged"]) for g in groups["codec"].values()]
    assert list(groups["codec"]) == ["h264", "hevc", "not known"]
    assert counts == [(39, 0, 1), (0, 38, 1), (0, 0, 1)]
    assert "auc" not in groups["codec"]["not known"]
    cell = compare.matrix({"a": {"one": videos}}, prior=0.5, seed=0)["a"]["one"]
    assert (cell["videos"], cell["videos_judged"]) == (80, 77)
    found = compare.compare_checkpoints(videos, judged_videos(), 0.5, seed=0)
    assert (found["videos"], found["videos_judged"]) == (80, 77)


def test_videos_of_which_a_column_says_nothing_are_a_group_and_others_to_the_rest() -> None:
    videos = judged_videos()
    videos["camera"] = ["a", "", "not known", "a"] * 20
    found = measure(videos, DecisionRule(), ["camera"], seed=0)["groups"]["camera"]
    assert list(found) == ["a", "not known"]
    assert found["not known"]["auc_gap"]["value"] == pytest.approx(-found["a"]["auc_gap"]["value"])


def test_verdict_rates_are_of_each_class_and_uncertain_of_both() -> None:
    videos = judged_videos(4)
    videos["verdict"] = ["real", "fake", "fake", "real", "uncertain", "uncertain", "real", "fake"]
    found = measure(videos, DecisionRule(), [], seed=0)["metrics"]
    assert found["reals_with_verdict_fake"]["value"] == 1 / 4
    assert found["fakes_with_verdict_real"]["value"] == 1 / 4
    assert found["uncertain"]["value"] == 1 / 4


def test_a_method_of_few_fakes_is_not_measured_by_the_sources_of_its_reals() -> None:
    videos = judged_videos(20)
    videos.loc[3, "method"] = "rare"
    found = measure(videos, DecisionRule(), ["method"], seed=0)["groups"]["method"]["rare"]
    assert (found["sources"], "auc" in found) == (1, False)


def test_few_sources_are_counted_and_not_measured() -> None:
    videos = judged_videos(6)
    videos["camera"] = ["a", "a", *["b"] * 10]
    found = measure(videos, DecisionRule(), ["camera"], seed=0)["groups"]["camera"]
    assert found["a"] == {"real": 1, "fake": 1, "not_judged": 0, "sources": 1}
    assert found["b"]["sources"] == 5 and "auc" in found["b"]
    videos.loc[2:5, "group"] = "s1"  # two of them share footage
    found = measure(videos, DecisionRule(), ["camera"], seed=0)["groups"]["camera"]
    assert found["b"]["sources"] == 5 and "auc" not in found["b"]


def test_sources_that_share_footage_are_drawn_together() -> None:
    videos = judged_videos()
    alone = measure(videos, DecisionRule(), [], seed=0)
    pairs = videos.assign(group=np.repeat([f"g{i}" for i in range(20)], 4))
    found = measure(pairs, DecisionRule(), [], seed=0)
    assert (found["sources"], found["independent"], alone["independent"]) == (40, 20, 40)
    assert found["metrics"]["auc"]["value"] == alone["metrics"]["auc"]["value"]
    assert found["metrics"]["auc"]["interval"] != alone["metrics"]["auc"]["interval"]


@pytest.mark.parametrize(("fakes", "prior"), [(1, 0.5), (4, 0.5), (1, 0.05)])
def test_the_calibration_error_of_right_probabilities_is_what_chance_gives(
    fakes: int, prior: float
) -> None:
    """Also where classes are uneven, or the prior is: the mean over sets of right probabilities."""
    shown, expected = [], []
    random = np.random.default_rng(0)
    for _ in range(60):
        labels = np.arange(100) % (1 + fakes) > 0
        odds = 1.5 * random.normal(1.5 * (labels - 0.5), 1)
        p_fake = 1 / (1 + np.exp(-odds) * (1 - prior) / prior)
        expected.append(ece_if_calibrated(labels.astype(int), p_fake, prior, 0, repetitions=50))
        shown.append(metrics.probabilities(labels.astype(int), p_fake, prior)["ece"])
    mean, most = np.array(expected).T
    assert mean.mean() == pytest.approx(np.mean(shown), rel=0.12)
    assert 0.9 <= np.mean(shown <= most) <= 1, "of 40 sets one is above"


def test_an_error_that_chance_explains_may_be_none() -> None:
    random = np.random.default_rng(1)
    videos = judged_videos(50)
    p_fake = random.random(100)
    videos = videos.assign(p_fake=p_fake, label=(random.random(100) < p_fake).astype(int))
    right = measure(videos, DecisionRule(), [], seed=0)
    assert right["metrics"]["ece"]["value"] < right["ece_if_calibrated_at_most"]
    assert right["metrics"]["ece"]["interval"][0] == 0
    wrong = measure(videos.assign(label=1 - videos["label"]), DecisionRule(), [], seed=0)
    assert wrong["metrics"]["ece"]["value"] > wrong["ece_if_calibrated_at_most"]
    assert 0 < wrong["metrics"]["ece"]["interval"][0] < wrong["metrics"]["ece"]["value"]


def test_numbers_fall_into_groups_by_their_edges_in_order() -> None:
    sides = pd.Series([1080.0, 240, 480, np.nan, 5000], name="short_side")
    found = groups(sides)
    assert list(found) == [
        "1080 and more",
        "below 480",
        "480 to below 720",
        np.nan,
        "1080 and more",
    ]
    assert next(iter(found.categories)) == "below 480"
    odd = groups(pd.Series([*np.arange(9.0), np.inf, -np.inf], name="bits_per_pixel"))
    assert len(odd.categories) == 3 and list(odd.isna()) == [*[False] * 9, True, True]
    many = pd.Series([str(i) for i in range(30)], name="bitrate")
    assert len(groups(many).categories) == 3, "texts that are numbers, and many"
    thirds = groups(pd.Series(np.arange(9.0), name="brightness"))
    assert thirds.value_counts().tolist() == [3, 3, 3]
    assert list(groups(pd.Series(["c40", "", "c23"], name="compression")).categories) == [
        "c23",
        "c40",
    ]


def test_plain_traits_that_tell_fakes_are_found_out_and_others_are_not() -> None:
    videos = judged_videos(60)
    honest = baselines.trivial(videos, 0.5, seed=0)
    assert 0.3 < honest["auc"]["value"] < 0.7
    videos["crop_bytes"] += 30 * videos["label"]
    assert baselines.trivial(videos, 0.5, seed=0)["auc"]["value"] > 0.9
    videos["face_px"] = np.nan
    assert "face_px" not in baselines.trivial(videos, 0.5, seed=0)["features"]
    assert baselines.trivial(videos[:8], 0.5, seed=0) is None


def test_plain_traits_are_judged_at_the_same_prior_as_the_detector() -> None:
    videos = judged_videos(60)  # whose traits say nothing
    rare = baselines.trivial(videos, 0.01, seed=0)["balanced_log_loss"]["value"]
    assert rare == pytest.approx(baselines.constant(videos, 0.01)["balanced_log_loss"], abs=0.02)


def test_always_saying_a_half_costs_ln_2() -> None:
    assert baselines.constant(judged_videos(), 0.5)["log_loss"] == pytest.approx(np.log(2))


def test_a_difference_has_a_narrower_interval_than_its_parts() -> None:
    """What makes a source hard is the same for both."""
    random = np.random.default_rng(1)
    first = judged_videos(60).assign(method="")
    hard = np.repeat(random.normal(0, 1, 60), 2)
    logits = 1.0 * (first["label"] * 2 - 1) + hard
    first["p_fake"] = 1 / (1 + np.exp(-(logits + 0.1 * (first["label"] * 2 - 1))))
    second = first.assign(p_fake=1 / (1 + np.exp(-logits)))
    found = compare.compare_checkpoints(first, second.sample(frac=1, random_state=0), 0.5, seed=0)
    assert found["videos"] == 120
    low, high = found["auc"]["interval"]
    assert 0 < low < found["auc"]["value"] < high
    table = compare.matrix({"a": {"one": first}}, prior=0.5, seed=0)["a"]["one"]["auc"]["interval"]
    assert high - low < 0.5 * (table[1] - table[0])


def test_sets_are_pooled_by_source() -> None:
    tables = {"one": judged_videos(10, 0), "two": judged_videos(12, 1)}
    found = compare.matrix({"a": tables}, prior=0.5, seed=0)["a"]
    assert list(found) == ["one", "two", compare.POOLED]
    assert found[compare.POOLED]["sources"] == 12, "of one name in both, they are one source"
    assert found[compare.POOLED]["videos"] == 44
