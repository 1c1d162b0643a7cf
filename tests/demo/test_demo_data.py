"""The demo dataset must look like DFDC, depend on its seed alone, and leave no shortcut."""

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from scipy.stats import ks_2samp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from demo.animate import Shot, View, draw_offsets, draw_shot, in_frame, render
from demo.face import Head
from demo.generate import generate
from demo.manipulations import DEEPFAKES, METHODS
from tests.fixtures import Share

SOURCES, FRAMES = 40, 10
FACE = (slice(55, 165), slice(105, 215))  # rows and columns where every head's middle lies
FRAMES_READ = 5  # enough for the statistics below, and quick


@pytest.fixture(scope="session")
def demo(share: Share) -> Path:
    return share("demo", lambda folder: generate(folder, SOURCES, 0, FRAMES, workers=2))


@pytest.fixture(scope="session")
def table(demo: Path) -> list[dict]:
    """One row per video: metadata, trivial features, and the source it belongs to."""
    rows = []
    for part, entries in _metadata(demo).items():
        for name, entry in entries.items():
            path = demo / part / name
            images, count, fps = _read(path)
            faces = [image[FACE] for image in images]
            greys = [cv2.cvtColor(face, cv2.COLOR_RGB2GRAY) for face in faces]
            sharpness = [cv2.Laplacian(grey, cv2.CV_32F).var() for grey in greys]
            colours = np.concatenate([np.mean(faces, (0, 1, 2)), np.std(faces, (0, 1, 2))])
            rows.append(
                {
                    "name": name,
                    "part": part,
                    "source": entry.get("original", name),
                    **entry,
                    "fake": entry["label"] == "FAKE",
                    "file": [np.log(path.stat().st_size), count / fps, np.mean(images)],
                    "face": [np.log(np.mean(sharpness)), *colours],
                }
            )
    return rows


def test_layout_is_dfdc_with_four_fakes_in_five(demo: Path) -> None:
    for part, entries in _metadata(demo).items():
        videos = {path.name for path in (demo / part).glob("*.mp4")}
        assert videos == set(entries)
        fakes = [entry for entry in entries.values() if entry["label"] == "FAKE"]
        assert len(fakes) == 0.8 * len(entries)
        assert {entry["method"] for entry in fakes} == set(DEEPFAKES)
        assert {entry["split"] for entry in entries.values()} == {"train"}
        for fake in fakes:
            assert entries[fake["original"]]["label"] == "REAL"
    assert {path.name for path in (demo / "new").iterdir()} == {"new_real.mp4", "new_fake.mp4"}


def test_videos_have_enough_frames_of_one_size(demo: Path, table: list[dict]) -> None:
    for row in table[::17]:
        images, count, fps = _read(demo / row["part"] / row["name"])
        assert images[0].shape == (240, 320, 3)
        assert count >= FRAMES
        assert fps in (24, 25, 30)


def test_pixels_depend_on_the_seed_and_not_on_other_sources_or_workers(
    demo: Path, tmp_path: Path
) -> None:
    generate(tmp_path / "same", sources=1, seed=0, frames=FRAMES, workers=1)
    same = sorted((tmp_path / "same/dfdc_train_part_0").glob("*.mp4"))
    assert len(same) == 1 + len(DEEPFAKES)
    for path in same:
        again = demo / "dfdc_train_part_0" / path.name
        assert np.array_equal(_read(path, limit=99)[0], _read(again, limit=99)[0])
    generate(tmp_path / "other", sources=1, seed=1, frames=FRAMES, workers=1)
    first, other = (_read(folder / "new/new_real.mp4")[0] for folder in (demo, tmp_path / "other"))
    assert not np.array_equal(first, other)


def test_masks_exist_for_all_fakes_and_cover_part_of_the_frame(
    demo: Path, table: list[dict]
) -> None:
    fakes = {Path(row["name"]).stem for row in table if row["fake"]}
    assert {path.stem for path in (demo / "masks").glob("*.png")} == fakes
    for stem in fakes:
        mask = cv2.imread(str(demo / "masks" / f"{stem}.png"), cv2.IMREAD_UNCHANGED)
        assert mask.shape == (240, 320)
        assert set(np.unique(mask)) == {0, 255}
        assert 0.01 < (mask > 0).mean() < 0.5


def test_fakes_differ_from_their_originals_inside_the_mask_alone(
    demo: Path, table: list[dict]
) -> None:
    rows = {row["name"]: row for row in table}
    inside, outside = [], []
    for fake in (row for row in table[::5] if row["fake"]):
        folder = demo / fake["part"]
        mask = cv2.imread(str(demo / "masks" / f"{fake['name'][:-4]}.png"), 0) > 0
        pair = [np.mean(_read(folder / name)[0], 0) for name in (fake["name"], fake["original"])]
        assert rows[fake["original"]]["label"] == "REAL"
        difference = np.abs(pair[0] - pair[1]).mean(axis=2)
        inside.append(difference[mask].mean())
        outside.append(difference[~mask].mean())
    assert np.median(outside) < 2.5  # of 255: noise and codec
    assert np.median(inside) > 1.2 * np.median(outside)


@pytest.mark.parametrize("kind", METHODS)
def test_each_edit_changes_the_face_and_nothing_beyond_the_head(kind: str) -> None:
    rng = np.random.default_rng(3)
    shot = draw_shot(rng, frames=10, fps=25)
    plain, view = render(shot, 9)
    beyond = np.ones(plain.shape[:2], bool)
    beyond[view.box] = False
    for method, manipulation in METHODS[kind].items():
        frame = manipulation(shot, rng)(plain, view)
        assert np.abs(frame - plain).max() > 0.02
        if method != "speed_change":  # where everything is from another time
            assert np.array_equal(frame[beyond], plain[beyond])


@pytest.mark.parametrize("method", METHODS["part"])
@pytest.mark.parametrize("seed", range(6))
def test_a_part_is_one_eye_or_one_corner_of_the_mouth_and_never_the_middle(
    method: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    shot = draw_shot(rng, frames=2, fps=25)
    plain, view = render(shot, 1)
    changed = np.abs(METHODS["part"][method](shot, rng)(plain, view) - plain).max(axis=2) > 0.01
    person = shot.person
    eye, mouth = (person.eye_x, person.eye_y), (person.mouth_width, person.mouth_y)
    parts = [in_frame(shot, 1, (side * x, y)) for side in (-1, 1) for x, y in (eye, mouth)]
    rows, columns = np.nonzero(changed)
    near = [np.hypot(columns - x, rows - y).max() for x, y in parts]
    assert sum(distance <= 0.32 * shot.scale for distance in near) == 1
    column, row = np.round(in_frame(shot, 1, (0.0, 0.25))).astype(int)
    assert not changed[row, column]


def test_slowed_shots_show_some_frames_twice_and_leave_none_out() -> None:
    shot = draw_shot(np.random.default_rng(1), frames=12, fps=25)
    frames = [render(shot, t) for t in range(12)]
    edit = METHODS["shallowfake"]["speed_change"](shot, np.random.default_rng(0))
    taken = [
        next(t for t, (frame, _) in enumerate(frames) if np.array_equal(edit(*now), frame))
        for now in frames
    ]
    assert set(np.diff(taken).tolist()) == {0, 1}


def test_single_frames_of_flicker_have_the_offsets_of_reals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = {}

    def record(shot: Shot, head: Head, view: View) -> np.ndarray:
        seen["offset"] = shot.offsets[view.t]
        return np.zeros((*view.depth.shape, 4), np.float32)

    base = draw_shot(np.random.default_rng(0), frames=8, fps=25)
    plain, view = render(base, 5)
    monkeypatch.setattr("demo.deepfakes.render_head", record)
    reals, fakes = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        reals.append(draw_offsets(rng, 1)[0])
        DEEPFAKES["flicker"](base, rng)(plain, view)
        fakes.append(seen["offset"])
    for real, fake in zip(np.transpose(reals), np.transpose(fakes), strict=True):
        assert ks_2samp(real, fake).pvalue > 0.01


def test_offsets_rest_in_reals_and_move_in_flicker() -> None:
    shot = draw_shot(np.random.default_rng(1), frames=8, fps=25)
    assert np.ptp(shot.offsets, axis=0).max() == 0
    edit = DEEPFAKES["flicker"](shot, np.random.default_rng(2))
    faces = []
    for t in (2, 3):
        plain, view = render(shot, t)
        faces.append(np.abs(edit(plain, view) - plain).mean())
    assert min(faces) > 0
    assert faces[0] != pytest.approx(faces[1], rel=0.05)


def test_file_size_duration_and_brightness_tell_nothing(table: list[dict]) -> None:
    low, high = _auc_interval(table, "file")
    assert low <= 0.5 <= high


def test_sharpness_and_colour_of_the_face_tell_little(table: list[dict]) -> None:
    assert _auc(table, _predict(table, "face")) <= 0.80


def _metadata(demo: Path) -> dict[str, dict]:
    paths = sorted(demo.glob("dfdc_train_part_*/metadata.json"))
    assert [path.parent.name for path in paths] == ["dfdc_train_part_0", "dfdc_train_part_1"]
    return {path.parent.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def _read(path: Path, limit: int = FRAMES_READ) -> tuple[np.ndarray, int, float]:
    """The first frames (T, H, W, 3) uint8, how many the file has, and its frames per second."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        images = []
        for frame in container.decode(stream):
            images.append(frame.to_ndarray(format="rgb24"))
            if len(images) == limit:
                break
        return np.stack(images), stream.frames, float(stream.average_rate)


def _predict(table: list[dict], features: str) -> np.ndarray:
    """Out-of-fold scores of a logistic regression that never sees the source it scores."""
    model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
    x = np.array([row[features] for row in table])
    y = np.array([row["fake"] for row in table])
    groups = [row["source"] for row in table]
    folds = GroupKFold(n_splits=5)
    return cross_val_predict(model, x, y, groups=groups, cv=folds, method="decision_function")


def _auc(table: list[dict], scores: np.ndarray) -> float:
    return roc_auc_score([row["fake"] for row in table], scores)


def _auc_interval(table: list[dict], features: str) -> tuple[float, float]:
    """The 95 % interval of the AUC when sources, not videos, are drawn again."""
    scores = _predict(table, features)
    y = np.array([row["fake"] for row in table])
    sources = np.array([row["source"] for row in table])
    members = [np.flatnonzero(sources == source) for source in np.unique(sources)]
    rng = np.random.default_rng(0)
    aucs = []
    for _ in range(500):
        drawn = np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
        aucs.append(roc_auc_score(y[drawn], scores[drawn]))
    return float(np.percentile(aucs, 2.5)), float(np.percentile(aucs, 97.5))
