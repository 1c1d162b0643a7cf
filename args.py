"""The flags of the entry points, which flags/ defines."""

from flags.judging import evaluate_parser, score_flags
from flags.preprocess import preprocess_parser
from flags.train import changes, repeat, train_flags, train_parser

__all__ = [
    "changes",
    "evaluate_parser",
    "preprocess_parser",
    "repeat",
    "score_flags",
    "train_flags",
    "train_parser",
]
