"""A set whose label lives in the order of frames alone: the model learns it, pooling cannot."""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import nn

import models
from models import ModelConfig

STEPS, CLIPS, FRAMES = 6, 240, 16


def brightness_ramps(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(N, T) levels and (N,) labels: the same levels, dark to bright or bright to dark."""
    random = np.random.default_rng(seed)
    levels = np.sort(random.random((CLIPS, STEPS)), axis=1)
    labels = random.integers(0, 2, CLIPS)
    levels[labels == 1] = levels[labels == 1, ::-1]
    return torch.tensor(levels, dtype=torch.float32), torch.tensor(labels)


class TinyEncoder(nn.Module):
    """Frames → their mean levels: what is tested is the part after the encoder."""

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return frames.mean(dim=(2, 3))


def small_model() -> nn.Module:
    torch.manual_seed(0)
    model = models.build(ModelConfig(name="resnet18", embed_dim=FRAMES, dropout=0.0))
    model.encoder = TinyEncoder()
    model.project = nn.Linear(3, FRAMES)
    return model


def as_clips(levels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    clips = levels[:, :, None, None, None].expand(-1, -1, 3, 4, 4)
    return clips, torch.ones(levels.shape, dtype=torch.bool)


def test_order_is_learned_by_the_model_and_not_by_mean_pooling() -> None:
    train, train_labels = brightness_ramps(0)
    test, test_labels = brightness_ramps(1)
    model = small_model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(150):
        loss = nn.functional.cross_entropy(model(*as_clips(train)), train_labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        scores = model.eval()(*as_clips(test)).softmax(dim=1)[:, 1]
        pooled = [
            model.project(model.encoder(as_clips(levels)[0].flatten(0, 1)))
            .view(CLIPS, STEPS, -1)
            .mean(dim=1)
            .numpy()
            for levels in (train, test)
        ]
    assert roc_auc_score(test_labels, scores) >= 0.95
    baseline = LogisticRegression().fit(pooled[0], train_labels)
    pooled_auc = roc_auc_score(test_labels, baseline.predict_proba(pooled[1])[:, 1])
    assert 0.35 <= pooled_auc <= 0.65
