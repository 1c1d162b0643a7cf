"""Measures detectors on a split of a manifest."""
