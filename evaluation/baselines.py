"""What a detector must beat: no look at the video at all, and a look at what has nothing to do with
manipulation. Where the latter can tell fakes, the data has a leak."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from evaluation.compare import essentials
from evaluation.measure import UNIT, with_intervals
from evaluation.video_traits import NUMERIC
from scoring import metrics
from scoring.decision_rule import Judgement

FOLDS = 5


def constant(judged: pd.DataFrame, prior: float) -> dict[str, float | None]:
    """Every video gets the prior."""
    labels = judged["label"].to_numpy()
    return metrics.probabilities(labels, np.full(len(labels), prior), prior)


def trivial(judged: pd.DataFrame, prior: float, seed: int) -> dict[str, Any] | None:
    """A logistic regression on NUMERIC and the frame rate, every source judged by one that was
    fitted on others. None where a class is in fewer than FOLDS sources."""
    labels, sources = judged["label"].to_numpy(), judged[UNIT].to_numpy()
    if min(len(set(sources[labels == label])) for label in (0, 1)) < FOLDS:
        return None
    features = judged[[*NUMERIC, "fps"]].astype(float).replace([np.inf, -np.inf], np.nan)
    features = features.loc[:, features.notna().any()]
    model = make_pipeline(
        SimpleImputer(), StandardScaler(), LogisticRegression(class_weight="balanced")
    )
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    scores = cross_val_predict(
        model, features, labels, groups=sources, cv=folds, method="predict_proba"
    )[:, 1]
    scores = Judgement().at_prior(prior).p_fake(scores)
    numbers = essentials(labels, scores, prior)
    return {"features": list(features), **with_intervals(numbers, judged, seed)}
