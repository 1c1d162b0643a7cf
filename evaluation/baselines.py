"""Baselines that a detector must beat: the prior, and a classifier on traits unrelated to
manipulation. If that classifier detects fakes, the data has a leak."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from evaluation.compare import main_metrics
from evaluation.measure import BOOTSTRAP_COLUMN, with_intervals
from evaluation.video_traits import NUMERIC
from scoring import metrics
from scoring.decision_rule import DecisionRule

FOLDS = 5  # of the cross-validation


def constant(judged: pd.DataFrame, prior: float) -> dict[str, float | None]:
    """Return the metrics of a constant p_fake, equal to `prior`, for every video (no intervals)."""
    labels = judged["label"].to_numpy()
    return metrics.probabilities(labels, np.full(len(labels), prior), prior)


def trivial(judged: pd.DataFrame, prior: float, seed: int) -> dict[str, Any] | None:
    """Return AUC and balanced log loss, with intervals, of a logistic regression on the traits in
    NUMERIC and the frame rate, and the names of its `features`. Cross-validation keeps all videos
    of a group in one fold. Return None if a class has fewer than FOLDS groups."""
    labels, sources = judged["label"].to_numpy(), judged[BOOTSTRAP_COLUMN].to_numpy()
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
    scores = DecisionRule().at_prior(prior).p_fake(scores)
    metrics_of_rows = main_metrics(labels, scores, prior)
    return {"features": list(features), **with_intervals(metrics_of_rows, judged, seed)}
