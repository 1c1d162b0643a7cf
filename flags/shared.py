"""The parts that several parsers share: the help layout, and flags with a common meaning.

Abbreviated flags are refused, and --help shows the defaults.
"""

import argparse
from dataclasses import fields
from typing import Any, NoReturn, TypeVar

from common.version import VERSION
from flags.types import at_least, between

Options = TypeVar("Options")


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Help formatter that appends defaults, except None, an empty list and those of switches, and
    keeps the line breaks of descriptions."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help or ""
        if action.default in (None, []) or action.nargs == 0 or "(default: " in text:
            return text
        if isinstance(action.default, list):
            return f"{text} (default: {' '.join(action.default)})"
        return super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """Parser whose errors are one line. If a required flag is missing, the line has the shortest
    command that works, `example`."""

    example = ""

    def error(self, message: str) -> NoReturn:
        is_missing = "arguments are required" in message
        hint = self.example if is_missing else f"{self.prog} --help lists all flags"
        self.exit(2, f"error: {message}; {'the shortest command: ' * is_missing}{hint}\n")


def new_parser(purpose: str, example: str, positional: str = "") -> Parser:
    """Return a parser whose help shows `purpose` and `example`, the shortest command that works.
    `positional` stands for the positional arguments in the usage line; it is empty for a command
    without any."""
    parser = Parser(
        usage=" ".join(filter(None, ["%(prog)s", positional, "[options]"])),
        description=f"{purpose}\n\nexample:\n  {example}",
        formatter_class=HelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=VERSION)
    parser.example = example
    return parser


def build_options(kind: type[Options], flags: argparse.Namespace, **others: Any) -> Options:
    """Return an instance of the dataclass `kind`, with each field set to the flag of the same name.
    `others` are the values of fields that are not flags."""
    names = {field.name for field in fields(kind)} - others.keys()  # type: ignore[arg-type]
    return kind(**{name: getattr(flags, name) for name in names}, **others)


def add_device(group: argparse._ActionsContainer, default: str, network: str) -> None:
    """Add --device; `network` says in the help text what runs on it."""
    group.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda"],
        default=default,
        help=f"device for {network}; auto: a GPU if there is one, otherwise the CPU",
    )


def add_precision(group: argparse._ActionsContainer, default: str) -> None:
    group.add_argument(
        "--precision",
        choices=["auto", "float32", "bfloat16"],
        default=default,
        help="floating-point format in which the encoder computes; auto: bfloat16 on a GPU that "
        "supports it, otherwise float32",
    )


def add_prior(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--prior",
        type=between(1e-6, 1 - 1e-6),
        default=0.5,
        metavar="SHARE",
        help="assumed share of fakes among all videos; changes p_fake (the probability that a "
        "video is fake), but no verdict",
    )


def add_loader_workers(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--workers",
        type=at_least(0),
        help="number of worker processes that load data; 0: load in the main process (default: one "
        "for each CPU core but one if the model is on a GPU, else one)",
    )


def add_engine(group: argparse._ActionsContainer, paths: str) -> None:
    """Add --engine and --ray_address; `paths` says in the help text which paths must be the same on
    every node of a cluster."""
    group.add_argument(
        "--engine",
        choices=["local", "ray"],
        default="local",
        help="local: run on this machine; ray: run on a Ray cluster, in which every node must be "
        f"able to access {paths} under the same paths",
    )
    group.add_argument(
        "--ray_address",
        default="local",
        help="cluster for --engine ray: HOST:PORT of a running cluster; local: start Ray on this "
        "machine",
    )
