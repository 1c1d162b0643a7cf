"""evaluate.py: agrees with score.py on the same videos, counts all, and refuses other crops."""

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

import detectors
import evaluate
import models
import score
from common import checkpointing
from common.checkpointing import Checkpoint
from common.lock import only_writer
from common.preprocessing import ClipConfig, FaceConfig
from datasets import manifest, splits
from models import ModelConfig
from scoring.aggregate import AGGREGATIONS
from scoring.decision_rule import DecisionRule
from tests.fixtures import Share
from tests.helpers import preprocess_runs
from tests.helpers.commands import run_here
from tests.helpers.crop_sets import FACES, write_crop_set
from tests.helpers.evaluate_runs import run
from tests.helpers.extract_here import ExtractorHere


def write_checkpoint(
    path: Path,
    faces: FaceConfig,
    trained_on: Sequence[int] = (),
    seed: int = 0,
    encoder: str = "shufflenet_v2_x0_5",
) -> Path:
    torch.manual_seed(seed)
    config = ModelConfig(name=encoder, embed_dim=16)
    model = models.build(config)
    with torch.no_grad():
        model.classify.weight.mul_(4)  # reacts strongly
    clip = ClipConfig(clip_frames=3, crop_size=32)
    classes = list(manifest.CLASSES)
    checkpointing.save(
        path,
        Checkpoint(
            config.to_dict(), model.state_dict(), faces, clip, classes, list(trained_on), {}, 1, {}
        ),
    )
    return path


def read_scores(path: Path) -> dict[str, dict[str, str]]:
    key = "path" if "path" in pd.read_csv(path).columns else "video"
    with path.open(newline="", encoding="utf-8") as file:
        return {Path(row[key]).name: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def extracted(share: Share, talking_heads: Path) -> Path:
    """A manifest of two sources with four fakes each, all for training."""

    def extract(folder: Path) -> None:
        words = "--val_share 0 --test_share 0 --undersample False --frames_per_video 5"
        words += f" --face_size 48 --input {talking_heads} --output {folder}"
        with pytest.MonkeyPatch.context() as patch:
            assert preprocess_runs.run(patch, *words.split()) == 0

    return share("extracted", extract) / "videos_df.csv"


@pytest.mark.parametrize(("precision", "near"), [("float32", 1e-4), ("bfloat16", 1e-2)])
def test_evaluate_and_score_give_the_same_p_fake(
    precision: str,
    near: float,
    talking_heads: Path,
    extracted: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faces = FaceConfig(frames_per_video=5, face_size=48)
    # This encoder with random weights reacts to pixels, so that a different one would show.
    checkpoint = write_checkpoint(tmp_path / "a.pt", faces, encoder="resnet18")
    judged_by = ("--checkpoint", checkpoint, "--precision", precision, "--device", "cpu")
    assert run(monkeypatch, *judged_by, "--csv_file", extracted, "--split", "train") == 0
    part = talking_heads / "dfdc_train_part_0"
    monkeypatch.setattr(score, "Extractor", ExtractorHere)
    assert run_here(monkeypatch, score.main, part, *judged_by, "--output", tmp_path) == 0
    from_crops = read_scores(tmp_path / "evaluation_train/scores.csv")
    from_videos = read_scores(tmp_path / "scores.csv")
    assert len(from_videos) == 5
    for name, row in from_videos.items():
        assert float(row["p_fake"]) == pytest.approx(float(from_crops[name]["p_fake"]), abs=near)
        assert row["verdict"] == from_crops[name]["verdict"]
    # The numbers must differ between videos, or agreement would prove nothing.
    assert len({round(float(row["p_fake"]), 4) for row in from_videos.values()}) > 3


def test_videos_that_cannot_be_judged_are_counted_and_never_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_crop_set(tmp_path, {"test": 3}, fakes_each=2, frames=3)
    table = pd.read_csv(path, keep_default_na=False)
    table.loc[0, ["status", "track", "crops", "frames"]] = ["no_face", -1, "", 0]
    table.to_csv(path, index=False)
    checkpoint = write_checkpoint(tmp_path / "a.pt", FACES)
    flags = ["--checkpoint", str(checkpoint), "--csv_file", str(path)]
    assert run(monkeypatch, *flags, draw=True) == 0
    results = json.loads((tmp_path / "evaluation_test/metrics.json").read_text())
    (result,) = results["evaluations"]
    assert (result["videos"], result["videos_judged"], result["sources"]) == (9, 8, 3)
    assert result["counts"] == {"REAL": {"ok": 2, "no_face": 1}, "FAKE": {"ok": 6}}
    assert result["verdicts"]["REAL"]["no_face"] == 1
    assert sum(n for counts in result["verdicts"].values() for n in counts.values()) == 9
    assert {name: g["not_judged"] for name, g in result["groups"]["method"].items()} == {
        "method1": 1,
        "method2": 1,
    }
    assert result["groups"]["short_side"]["below 480"]["not_judged"] == 1
    assert result["groups"]["brightness"]["not known"]["not_judged"] == 1
    page = (tmp_path / "evaluation_test/report.html").read_text(encoding="utf-8")
    assert "not judged" in page and "8 of 9 videos judged" in page
    assert page.count("data:image/png;base64,") >= 4
    row = next(
        row
        for row in read_scores(tmp_path / "evaluation_test/scores.csv").values()
        if row["status"] == "no_face"
    )
    assert (row["verdict"], row["p_fake"]) == ("no_face", "")


def test_crops_made_otherwise_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_crop_set(tmp_path, {"test": 1}, fakes_each=1, frames=2)
    checkpoint = write_checkpoint(tmp_path / "a.pt", FaceConfig(face_size=40, margin=0.1))
    flags = ["--checkpoint", str(checkpoint), "--csv_file", str(path)]
    assert run(monkeypatch, *flags) == 2
    assert "margin 0.1 in training, 0.3 here" in capsys.readouterr().err


def test_several_checkpoints_and_manifests_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = [
        write_crop_set(tmp_path / name, {"test": 4}, fakes_each=1, frames=2, seed=seed)
        for seed, name in enumerate(("one", "two"))
    ]
    checkpoints = [write_checkpoint(tmp_path / f"{seed}.pt", FACES, seed=seed) for seed in range(2)]
    flags = ["--checkpoint", *checkpoints, "--csv_file", *sets, "--output", tmp_path / "out"]
    assert run(monkeypatch, *map(str, flags), "--compare") == 0
    results = json.loads((tmp_path / "out/metrics.json").read_text())
    assert len(results["evaluations"]) == 4
    for cells in results["matrix"].values():
        assert [cell["videos"] for cell in cells.values()] == [8, 8, 16]
    assert [row["csv_file"] for row in results["comparisons"]] == list(map(str, sets))
    scores = pd.read_csv(tmp_path / "out/scores.csv")
    assert len(scores.groupby(["checkpoint", "csv_file"])) == 4
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") >= 4
    assert "<script" not in page and "http" not in page, "opens offline"


@pytest.mark.slow
def test_thresholds_are_chosen_on_validation_and_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_crop_set(tmp_path, {"val": 10, "test": 3}, fakes_each=1, frames=2)
    checkpoint = write_checkpoint(tmp_path / "a.pt", FACES)
    weights = checkpointing.load(checkpoint).weights
    flags = ["--checkpoint", str(checkpoint), "--csv_file", str(path)]
    assert run(monkeypatch, *flags, "--target_fpr", "0.1") == 0
    stored = checkpointing.load(checkpoint)
    judgement = DecisionRule.from_dict(stored.judgement)
    assert "10 real and 10 fake validation videos of 10 and 10" in judgement.fitted
    assert "at most 0.1 of reals" in judgement.fitted
    assert judgement.real_below == judgement.single_threshold <= judgement.fake_from
    assert all(torch.equal(weights[name], stored.weights[name]) for name in weights)
    # Used from then on, at any prior with the same verdicts.
    verdicts = []
    for prior in ("0.5", "0.01"):
        assert run(monkeypatch, *flags, "--prior", prior) == 0
        scores = pd.read_csv(tmp_path / "evaluation_test/scores.csv")
        verdicts.append(scores["verdict"].tolist())
        called = scores["score"] >= judgement.fake_from
        assert (called == (scores["verdict"] == "fake")).all()
    assert verdicts[0] == verdicts[1]
    capsys.readouterr()
    assert run(monkeypatch, *flags, "--target_fpr", "0.01") == 2
    assert "10 sources of REAL, but a rate of 0.01 needs at least 99" in capsys.readouterr().err


@pytest.mark.slow
def test_a_rule_is_fitted_on_the_validation_of_all_manifests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = [
        write_crop_set(tmp_path / name, {"val": 10, "test": 2}, fakes_each=1, frames=2, seed=seed)
        for seed, name in enumerate(("one", "two"))
    ]
    checkpoint = write_checkpoint(tmp_path / "a.pt", FACES)
    flags = ["--checkpoint", checkpoint, "--csv_file", *sets, "--error_rate", "0.1"]
    assert run(monkeypatch, *flags, "--output", tmp_path / "out") == 0
    stored = DecisionRule.from_dict(checkpointing.load(checkpoint).judgement)
    assert "20 real and 20 fake validation videos" in stored.fitted
    assert "in 2 collections" in stored.fitted


def test_pictures_that_are_crops_are_measured_if_their_margin_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_crop_set(tmp_path, {"test": 2}, fakes_each=1, frames=2)
    checkpoint = write_checkpoint(tmp_path / "a.pt", FaceConfig(face_size=64, margin=0.1))
    for margin, code in ((0.12, 0), (0.3, 2)):
        faces = FaceConfig(mode="cropped", margin=margin, face_size=40, frames_per_video=1)
        manifest.write_record(path, {"faces": faces.to_dict()})
        assert run(monkeypatch, "--checkpoint", checkpoint, "--csv_file", path) == code
    assert "margin 0.1 in training, 0.3 here" in capsys.readouterr().err


def test_results_for_a_detector_that_ships_are_not_written_beside_it() -> None:
    for name in (None, "lite0", "detectors/lite0", "detectors/lite0/detector.json"):
        path = detectors.find(name and Path(name))
        assert evaluate.default_output(path) == Path("checkpoints/lite0")
    assert evaluate.default_output(Path("checkpoints/run/best.pt")) == Path("checkpoints/run")


@pytest.mark.slow
def test_every_change_of_every_severity_is_measured_where_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_crop_set(tmp_path, {"test": 3}, fakes_each=1, frames=2)
    checkpoint = write_checkpoint(tmp_path / "a.pt", FACES)
    flags = ["--checkpoint", str(checkpoint), "--csv_file", str(path)]
    assert run(monkeypatch, *flags, "--robustness", draw=True) == 0
    folder = tmp_path / "evaluation_test"
    (result,) = json.loads((folder / "metrics.json").read_text())["evaluations"]
    entries = result["robustness"]
    assert len(entries) == 7
    assert all([e["severity"] for e in entry] == [1, 2, 3, 4, 5] for entry in entries.values())
    assert "<h3>Robustness</h3>" in (folder / "report.html").read_text()
    assert (folder / "robustness.png").exists()
    assert run(monkeypatch, *flags) == 0
    assert not (folder / "robustness.png").exists(), "of the call before"
    assert {p.name for p in folder.iterdir()} == {
        ".lock",
        "metrics.json",
        *json.loads((folder / "metrics.json").read_text())["files"],
    }


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_numbers_of_videos_that_were_chosen_by_say_so(
    split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_crop_set(tmp_path, {split: 2}, fakes_each=1, frames=2)
    checkpoint = write_checkpoint(tmp_path / "a.pt", FACES)
    flags = ["--checkpoint", str(checkpoint), "--csv_file", str(path), "--split", split]
    assert run(monkeypatch, *flags) == 0
    page = (tmp_path / f"evaluation_{split}/report.html").read_text()
    assert ("were chosen on these videos" in page) == (split == "val")
    assert ("was trained on these videos" in page) == (split == "train")


def test_a_second_call_for_the_same_output_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_crop_set(tmp_path, {"test": 2}, fakes_each=1, frames=2)
    checkpoint = write_checkpoint(tmp_path / "a.pt", FACES)
    words = ("--checkpoint", checkpoint, "--csv_file", path, "--output", tmp_path / "out")
    (tmp_path / "out").mkdir()
    with only_writer(tmp_path / "out"):
        assert run(monkeypatch, *words) == 2
    assert "another process is writing to" in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {".lock"}


def test_an_empty_split_is_named_before_anything_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_crop_set(tmp_path, {"val": 10}, fakes_each=1, frames=2)
    checkpoint = write_checkpoint(tmp_path / "a.pt", FACES)
    before = checkpoint.read_bytes()
    flags = ["--checkpoint", str(checkpoint), "--csv_file", str(path), "--target_fpr", "0.1"]
    assert run(monkeypatch, *flags) == 2
    assert f"{path}: no video of the test split has a face" in capsys.readouterr().err
    assert checkpoint.read_bytes() == before


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_an_aggregation_that_is_asked_for_is_fitted_on_validation_and_stored(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_crop_set(tmp_path, {"val": 10, "test": 3}, fakes_each=1, frames=2)
    checkpoint = write_checkpoint(tmp_path / "a.pt", FACES)
    flags = ["--checkpoint", str(checkpoint), "--csv_file", str(path), "--aggregation", name]
    assert run(monkeypatch, *flags) == 0
    judgement = DecisionRule.from_dict(checkpointing.load(checkpoint).judgement)
    assert judgement.aggregation == name
    assert judgement.fitted.endswith(f"at most 0.1 of each class called the other; {name} as asked")
    scores = pd.read_csv(tmp_path / "evaluation_test/scores.csv")
    assert (scores["score"] == scores[name]).all()


def test_frames_are_measured_where_asked_with_intervals_over_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_crop_set(tmp_path, {"test": 5}, fakes_each=1, frames=3)
    checkpoint = write_checkpoint(tmp_path / "a.pt", FACES)
    flags = ["--checkpoint", str(checkpoint), "--csv_file", str(path)]
    assert run(monkeypatch, *flags, "--per_frame") == 0
    folder = tmp_path / "evaluation_test"
    (result,) = json.loads((folder / "metrics.json").read_text())["evaluations"]
    frames = pd.read_csv(folder / "frames.csv")
    assert result["frames"]["count"] == len(frames) == 10 * 3
    assert list(frames["frame"][:3]) == [0, 1, 2]
    found = result["frames"]["metrics"]["auc"]
    assert found["value"] == pytest.approx(roc_auc_score(frames["label"], frames["p_fake"]))
    low, high = found["interval"]
    assert low <= found["value"] <= high
    assert "Frame by frame" in (folder / "report.html").read_text(encoding="utf-8")
    assert run(monkeypatch, *flags) == 0
    (result,) = json.loads((folder / "metrics.json").read_text())["evaluations"]
    assert result["frames"] is None


def test_a_column_to_group_by_must_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_crop_set(tmp_path, {"test": 3}, fakes_each=1, frames=2)
    table = pd.read_csv(path, keep_default_na=False)
    more = {"compression": ["c23", "c40"] * 3, "people": "x", "mean": 7, "p_fake": 0.5}
    table.assign(**more).to_csv(path, index=False)
    checkpoint = write_checkpoint(tmp_path / "a.pt", FACES)
    flags = ["--checkpoint", str(checkpoint), "--csv_file", str(path), "--group_by"]
    assert run(monkeypatch, *flags, "compression") == 0
    results = json.loads((tmp_path / "evaluation_test/metrics.json").read_text())
    assert set(results["evaluations"][0]["groups"]["compression"]) == {"c23", "c40"}
    assert run(monkeypatch, *flags, "camera") == 2
    assert "has no column camera; it has video_id" in capsys.readouterr().err
    assert run(monkeypatch, *flags, "frames") == 2, "of tracks"
    capsys.readouterr()
    for taken in ("mean", "p_fake"):
        assert run(monkeypatch, *flags, taken) == 2, "what the detector says"
        assert f"has no column {taken}" in capsys.readouterr().err
    assert run(monkeypatch, *flags, "group", "label") == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--compare", "needs a second --checkpoint"),
        ("--checkpoint a.pt a.pt", "--checkpoint names the same file twice"),
        ("--csv_file videos_df videos_df.csv", "--csv_file names the same file twice"),
        ("--output a.pt", "is a file, not a folder"),
    ],
)
def test_flags_that_do_not_go_together_are_refused_before_any_work(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
    said: str,
) -> None:
    write_crop_set(tmp_path, {"test": 1}, fakes_each=1, frames=2)
    (tmp_path / "a.pt").write_bytes(b"never read")
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "--checkpoint", "a.pt", *words.split()) == 2
    assert said in capsys.readouterr().err


def test_damaged_weights_are_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_crop_set(tmp_path, {"test": 1}, fakes_each=1, frames=2)
    checkpoint = checkpointing.load(write_checkpoint(tmp_path / "a.pt", FACES))
    checkpoint.weights["classify.bias"] *= float("nan")
    checkpointing.save(tmp_path / "a.pt", checkpoint)
    flags = ["--checkpoint", str(tmp_path / "a.pt"), "--csv_file", str(path)]
    assert run(monkeypatch, *flags) == 2
    assert "its weights are damaged" in capsys.readouterr().err


def test_sources_that_were_trained_on_are_refused_except_for_the_training_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after a second preprocessing with another --seed."""
    path = write_crop_set(tmp_path, {"train": 1, "test": 2}, fakes_each=1, frames=2)
    groups = manifest.read(path).table["group"]
    faces = FaceConfig(face_size=40)
    for seen, split, code in (("test1", "test", 2), ("train0", "test", 0), ("train0", "train", 0)):
        known = splits.fingerprints(groups[groups == seen])
        checkpoint = write_checkpoint(tmp_path / "a.pt", faces, known)
        flags = ["--checkpoint", str(checkpoint), "--csv_file", str(path), "--split", split]
        assert run(monkeypatch, *flags) == code
    said = "1 of 2 sources of this split were in the checkpoint's training split"
    assert said in capsys.readouterr().err


def test_an_error_in_a_loader_process_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_crop_set(tmp_path, {"test": 1}, fakes_each=1, frames=2)
    next(tmp_path.rglob("*.jpg")).unlink()
    checkpoint = write_checkpoint(tmp_path / "a.pt", FaceConfig(face_size=40))
    flags = ["--checkpoint", str(checkpoint), "--csv_file", str(path), "--workers", "1"]
    assert run(monkeypatch, *flags) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("error: ")
    assert "holds 1 crops, the manifest says 2" in line


def test_a_checkpoint_that_is_missing_is_said_before_crops_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_crop_set(tmp_path, {"test": 1}, fakes_each=1, frames=1)
    shutil.rmtree(path.parent / "crops")
    assert run(monkeypatch, "--checkpoint", "no_such.pt", "--csv_file", path) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no_such.pt" in line
