"""The flags of the entry points; they are defined in flags/."""

from flags.config_file import (
    changed_flags,
    config_names,
    read_config,
    read_environments,
    read_run_flags,
    run_flags,
)
from flags.evaluate import evaluate_parser
from flags.preprocess import preprocess_parser
from flags.score import parse_score_flags, score_parser
from flags.serve import serve_parser
from flags.shared import build_options
from flags.train import (
    add_replayed,
    check_train_flags,
    given_flags,
    set_image_flags,
    train_parser,
)

__all__ = [
    "add_replayed",
    "build_options",
    "changed_flags",
    "check_train_flags",
    "config_names",
    "evaluate_parser",
    "given_flags",
    "parse_score_flags",
    "preprocess_parser",
    "read_config",
    "read_environments",
    "read_run_flags",
    "run_flags",
    "score_parser",
    "serve_parser",
    "set_image_flags",
    "train_parser",
]
