"""The plain alternative that benchmarks/scoring.py compares with.

Shapes: N frames, B clips, T frames of a clip, C channels, H, W, E features, K classes.
"""

from pathlib import Path

import numpy as np
import torch
from facenet_pytorch import MTCNN

from faces.crop import cut, to_jpeg
from faces.decode import read
from models.frame_rnn import FrameModel
from scoring.detector import ClipModel, Detector
from scoring.predict import predict_track


class PlainScorer:
    """Scores videos with plain MTCNN and in torch's default memory format."""

    def __init__(self, detector: Detector, batch_size: int) -> None:
        """`batch_size` is the number of clips per forward pass."""
        self.model = PlainModel(detector.model)
        self.faces, self.clip, self.batch_size = detector.faces, detector.clip, batch_size
        self.mtcnn = MTCNN(keep_all=True)

    def score(self, video: Path) -> None:
        """Score the most confident face of every frame as one track."""
        jpegs = []
        for image in read(video, self.faces).images:
            boxes, _ = self.mtcnn.detect(np.ascontiguousarray(image))
            if boxes is not None:
                crop = cut(image, boxes[0], self.faces.margin, self.faces.face_size)
                jpegs.append(to_jpeg(crop, self.faces.jpeg_quality))
        if jpegs:
            predict_track(self.model, jpegs, self.clip, self.batch_size)


class PlainModel:
    """A scoring.detector.ClipModel whose encoder computes in torch's default memory format."""

    training = False
    encoder_dtype = torch.float32

    def __init__(self, model: ClipModel) -> None:
        assert isinstance(model, FrameModel)
        model.encoder.to(memory_format=torch.contiguous_format)
        self.model, self.sees_time, self.device = model, model.sees_time, model.device

    def encode(self, frames: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) float → (N, E)"""
        return self.model.encoder(frames.contiguous())

    def __call__(self, clips: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, E) float, (B, T) bool → logits (B, K)"""
        return self.model(clips, mask)
