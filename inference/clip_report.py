"""One video's verdict as an HTML page for people who must explain it (score.py --report)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from common.figures import LINE_COLOUR, axes_as_png
from common.pages import render
from datasets import clips
from datasets.transforms import eval_transform
from faces.extract import FaceTrack
from inference.file_facts import file_facts, name_after
from inference.judge import Judge, Judged
from inference.video_score import WARNING, FaceScore, most_suspicious
from scoring.detector import Detector

TEMPLATE = Path(__file__).with_name("clip.html")
LISTED = 20  # people at most, the most suspicious ones
SUSPICIOUS = 4  # frames that are shown of the most suspicious person
NAMED = 6  # people whose lines a legend tells apart
HEADLINES = {
    "fake": "Signs of manipulation",
    "real": "No signs of manipulation found",
    "uncertain": "No verdict: the signs are unclear",
    "no_face": "Not judged: no face was found",
    "unreadable": "Not judged: the file cannot be read",
}


@dataclass(frozen=True)
class Shown:
    """A crop, and the same under its heat map, as PNG; None where the detector gives none."""

    seconds: float | None
    p_fake: float
    crop: bytes
    heat: bytes | None


def write(folder: Path, judged: Judged, judge: Judge, about: dict[str, str]) -> Path:
    """A page in `folder`, named after the file and its content; `about` the model, in words."""
    score, crops = judged
    facts = file_facts(Path(score.video))
    worst = most_suspicious(score.people)
    path = folder / name_after(Path(score.video), facts["SHA-256"], ".html")
    said = list(filter(None, score.detail.split("; ")))
    warnings = [text for text in said if text.startswith(WARNING)]
    render(
        TEMPLATE,
        path,
        headline=HEADLINES[score.verdict],
        score=score,
        detail=[text for text in said if text not in warnings],
        warnings=[text.removeprefix(WARNING) for text in warnings],
        judgement=judge.judgement,
        thresholds=judge.judgement.turns,
        facts=facts,
        about=about,
        timeline=draw_timeline(score.people, judge.judgement.turns) if score.people else None,
        worst=worst,
        listed=sorted(score.people, key=lambda person: -person.p_fake)[:LISTED],
        shown=_suspicious_frames(worst, crops, judge.detector) if worst and crops else [],
        exported=judge.detector.exported,
    )
    return path


def draw_timeline(people: Sequence[FaceScore], thresholds: tuple[float, float]) -> bytes:
    """p_fake of every person over seconds, or over frames where the file tells no rate."""
    with axes_as_png(width=8.4, height=2.8) as (axes, png):
        timed = all(frame.seconds is not None for person in people for frame in person.frames)
        for person in people:
            places = [f.seconds if timed else f.index for f in person.frames]
            values = [frame.p_fake for frame in person.frames]
            axes.plot(places, values, marker="o", ms=3, label=f"person {person.person}")
        for threshold in set(thresholds):
            axes.axhline(threshold, color=LINE_COLOUR, ls="--", lw=1)
        axes.set(xlabel="seconds" if timed else "frame", ylabel="p_fake", ylim=(-0.02, 1.02))
        if 1 < len(people) <= NAMED:
            axes.legend(frameon=False)
    return png.data


def _suspicious_frames(person: FaceScore, track: FaceTrack, detector: Detector) -> list[Shown]:
    """Frames of a person, those with the highest p_fake, in time's order."""
    values = np.array([frame.p_fake for frame in person.frames])
    chosen = sorted(np.argsort(-values, kind="stable")[:SUSPICIOUS].tolist())
    starts = clips.fixed_starts(len(track.jpegs), detector.clip.clip_frames)
    length = detector.clip.clip_frames
    found, maps = [], {}
    for index in chosen:
        start = max(start for start in starts if start <= index)
        crops = clips.decode(track.jpegs[start : start + length])
        if start not in maps:
            maps[start] = _heat(detector, eval_transform(detector.clip)(crops))
        crop, heat = crops[index - start].permute(1, 2, 0).numpy(), maps[start]
        under = None if heat is None else _png(_overlay(crop, heat[index - start].numpy()))
        frame = person.frames[index]
        found.append(Shown(frame.seconds, frame.p_fake, _png(crop), under))
    return found


def _heat(detector: Detector, clip: torch.Tensor) -> torch.Tensor | None:
    """scoring.heatmap.heatmaps, and None for an exported detector, which has no gradients."""
    if detector.exported:
        return None
    from scoring.heatmap import heatmaps  # needs the code of models/

    return heatmaps(detector.model, clip)


def _overlay(crop: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 RGB under (h, w) in [0, 1]: the warmer, the stronger."""
    heat = cv2.resize(heat, crop.shape[1::-1])
    colours = cv2.applyColorMap((255 * heat).round().astype(np.uint8), cv2.COLORMAP_INFERNO)
    share = 0.65 * heat[..., None]
    mixed = (1 - share) * crop + share * cv2.cvtColor(colours, cv2.COLOR_BGR2RGB)
    return mixed.round().astype(np.uint8)


def _png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def about_model(checkpoint: Path, digest: str, detector: Detector) -> dict[str, str]:
    """Facts about the model, for every page; `digest` is the file's SHA-256."""
    config = detector.config
    return {
        "checkpoint": f"{checkpoint.parent.name}/{checkpoint.name}",
        "its SHA-256": digest,
        "encoder, temporal head": f"{config['name']}, {config['temporal']}",
        "what it sees": (
            f"clips of {detector.clip.clip_frames} faces, {detector.clip.crop_size} pixels a side"
        ),
        "arithmetic": str(detector.model.judges_in).removeprefix("torch."),
        "calibration": detector.judgement.fitted or "none",
    }
