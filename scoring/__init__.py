"""Clips → one calibrated probability per video; shared by validation, evaluate.py and score.py."""
