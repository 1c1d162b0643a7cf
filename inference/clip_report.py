"""Writes the verdict on one video as an HTML page that explains it (score.py --report)."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from common.figures import LINE_COLOUR, axes_as_png
from common.pages import render
from datasets import clips
from datasets.transforms import to_input
from faces.extract import FaceTrack
from inference.file_facts import derived_name
from inference.judge import JudgedVideo, VideoJudge
from inference.video_score import FaceScore, VideoScore, most_suspicious
from scoring.decision_rule import EVEN_PRIOR
from scoring.detector import Detector

TEMPLATE = Path(__file__).with_name("clip.html")
MAX_PEOPLE = 20  # rows of the table of people: the most suspicious ones
MAX_FRAMES = 4  # frames shown of the most suspicious person
MAX_LEGEND = 6  # with more people, the timeline has no legend
HEADLINES = {
    "fake": "Signs of manipulation",
    "real": "No signs of manipulation found",
    "uncertain": "No verdict: the signs are unclear",
    "no_face": "Not judged: no face was found",
    "unreadable": "Not judged: the file cannot be read",
    "timeout": "Not judged: reading the file takes too long",
}


@dataclass(frozen=True)
class ShownFrame:
    """A frame of the most suspicious person, as shown on the page."""

    seconds: float | None  # None if the file does not state its frame rate
    p_fake: float
    crop: bytes  # PNG
    heat: bytes | None  # PNG of the crop with its heat map; None if the detector has none


def file_name(score: VideoScore, facts: dict[str, str]) -> str:
    """Return the name of a video's page: the video's name and the first digits of the SHA-256 of
    its content, or of its path if the content cannot be read."""
    digest = facts.get("SHA-256") or hashlib.sha256(os.fsencode(score.video)).hexdigest()
    return derived_name(Path(score.video), digest, ".html")


def write(
    path: Path,
    judged: JudgedVideo,
    judge: VideoJudge,
    facts: dict[str, str],
    about: dict[str, str],
) -> None:
    """Write the page of one video. `facts` (about the file) and `about` (a result of `about_model`)
    are shown."""
    score = judged.score
    worst = most_suspicious(score.people)
    thresholds = judge.rule.p_fake_thresholds
    render(
        TEMPLATE,
        path,
        headline=HEADLINES[score.verdict],
        score=score,
        rule=judge.rule,
        thresholds=thresholds,
        p_fake_even=score.p_fake_even(judge.rule),
        even_thresholds=judge.rule.at_prior(EVEN_PRIOR).p_fake_thresholds,
        facts=facts,
        about=about,
        timeline=draw_timeline(score.people, thresholds) if score.people else None,
        worst=worst,
        listed=sorted(score.people, key=lambda person: -person.p_fake)[:MAX_PEOPLE],
        shown=_suspicious_frames(worst, judged.crops, judge.detector)
        if worst and judged.crops
        else [],
        exported=judge.detector.exported,
    )


def draw_timeline(people: Sequence[FaceScore], thresholds: tuple[float, float]) -> bytes:
    """Return a plot of each person's p_fake over time, as PNG bytes. The x axis is in seconds, or
    in frame indices if the file does not state its frame rate. Dashed lines mark `thresholds`:
    real_below and fake_from, as p_fake."""
    with axes_as_png(width=8.4, height=2.8) as (axes, png):
        timed = all(frame.seconds is not None for person in people for frame in person.frames)
        for person in people:
            times = [frame.seconds or 0.0 if timed else frame.index for frame in person.frames]
            values = [frame.p_fake for frame in person.frames]
            axes.plot(times, values, marker="o", ms=3, label=f"person {person.person}")
        for threshold in set(thresholds):
            axes.axhline(threshold, color=LINE_COLOUR, ls="--", lw=1)
        axes.set(xlabel="seconds" if timed else "frame", ylabel="p_fake", ylim=(-0.02, 1.02))
        if 1 < len(people) <= MAX_LEGEND:
            axes.legend(frameon=False)
    return png.data


def _suspicious_frames(person: FaceScore, track: FaceTrack, detector: Detector) -> list[ShownFrame]:
    """Return the MAX_FRAMES frames with the highest p_fake of a person, in presentation order.
    `track` has the crops of this person."""
    values = np.array([frame.p_fake for frame in person.frames])
    chosen = sorted(np.argsort(-values, kind="stable")[:MAX_FRAMES].tolist())
    length = detector.clip.clip_frames
    starts = clips.fixed_starts(len(track.jpegs), length)
    frames, heatmaps = [], {}
    for index in chosen:
        start = max(start for start in starts if start <= index)
        crops = clips.decode(track.jpegs[start : start + length])
        if start not in heatmaps:
            heatmaps[start] = _heatmaps(detector, to_input(crops, detector.clip))
        crop, heat = crops[index - start].permute(1, 2, 0).numpy(), heatmaps[start]
        overlay = None if heat is None else _png(_overlay(crop, heat[index - start].numpy()))
        frame = person.frames[index]
        frames.append(ShownFrame(frame.seconds, frame.p_fake, _png(crop), overlay))
    return frames


def _heatmaps(detector: Detector, clip: torch.Tensor) -> torch.Tensor | None:
    """Return heat maps (T, H, W) in [0, 1] of a clip (T, C, H, W). Return None if the encoder is
    too coarse for them, or for an exported detector, which has no gradients."""
    if detector.exported:
        return None
    from models.frame_rnn import FrameModel  # not needed by exported detectors
    from scoring.heatmap import heatmaps

    assert isinstance(detector.model, FrameModel)
    return heatmaps(detector.model, clip)


def _overlay(crop: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Blend a heat map (h, w) in [0, 1] over a crop (H, W, 3) uint8 RGB and return the image. The
    higher the value, the more opaque the heat map."""
    heat = cv2.resize(heat, crop.shape[1::-1])
    colours = cv2.applyColorMap((255 * heat).round().astype(np.uint8), cv2.COLORMAP_INFERNO)
    opacity = 0.65 * heat[..., None]
    mixed = (1 - opacity) * crop + opacity * cv2.cvtColor(colours, cv2.COLOR_BGR2RGB)
    return mixed.round().astype(np.uint8)


def _png(image: np.ndarray) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes()


def about_model(checkpoint: Path, digest: str, detector: Detector) -> dict[str, str]:
    """Return the rows of the page's table about the detector: label → text. `digest` is the
    SHA-256 of the checkpoint."""
    config, about = detector.config, detector.about
    shipped = {"model card": about["card"], "licence": about["licence"]} if about else {}
    return {
        "checkpoint": f"{checkpoint.parent.name}/{checkpoint.name}",
        "SHA-256 of the checkpoint": digest,
        "encoder, temporal head": f"{config['name']}, {config['temporal']}",
        "input": f"clips of {detector.clip.clip_frames} faces, {detector.clip.crop_size} px wide",
        "precision": str(detector.model.encoder_dtype).removeprefix("torch."),
        "calibration": detector.rule.fitted or "none",
        **shipped,
    }
