"""Baselines that a detector must beat: the prior, and a classifier on traits unrelated to
manipulation. If the latter detects fakes, the data has a leak."""

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

FOLDS = 5


def constant(judged: pd.DataFrame, prior: float) -> dict[str, float | None]:
    """Return the metrics of giving every video the prior."""
    labels = judged["label"].to_numpy()
    return metrics.probabilities(labels, np.full(len(labels), prior), prior)


def trivial(judged: pd.DataFrame, prior: float, seed: int) -> dict[str, Any] | None:
    """Return the metrics of a logistic regression on NUMERIC and the frame rate; every source is
    scored by a model fitted on others. None if a class has fewer than FOLDS sources."""
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
