"""Options of train.py from words of its command line."""

from argparse import Namespace
from typing import TypeVar

import args

Options = TypeVar("Options")


def parse(*words: str) -> Namespace:
    """Return checked flags."""
    flags = args.train_parser().parse_args(words)
    args.check_train_flags(flags)
    return flags


def options(kind: type[Options], *words: str) -> Options:
    """Return one group of options."""
    return args.build_options(kind, parse(*words))
