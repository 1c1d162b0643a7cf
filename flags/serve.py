"""The flags of serve.py."""

import argparse
from pathlib import Path

from flags.shared import add_device, add_engine, add_precision, add_prior, new_parser
from flags.types import at_least, between


def serve_parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "Serve a page and an HTTP API that judge videos. Files that are sent are kept on this "
        "machine\nfor --keep_hours, readable by this user only. Needs requirements-serve.txt.",
        "python serve.py",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=at_least(0, 65535), default=8000, help="port to listen on")
    parser.add_argument(
        "--hosts",
        nargs="+",
        default=[],
        metavar="NAME",
        help="further names by which browsers and programs call this server, such as that of a "
        "proxy before it",
    )
    parser.add_argument(
        "--token_file",
        type=Path,
        metavar="FILE",
        help="file with a token per line, one of which every request must bear; this or "
        "--behind_proxy is required unless --host is a loopback address",
    )
    parser.add_argument(
        "--behind_proxy",
        nargs="+",
        default=[],
        metavar="ADDRESS",
        help="IP addresses of proxies that sign users in; all other addresses are refused",
    )
    parser.add_argument(
        "--user_header",
        default="X-Forwarded-User",
        metavar="NAME",
        help="with --behind_proxy: the header in which the proxies name the user, who sees the own "
        "files only; they must replace it if a client sends it",
    )
    parser.add_argument(
        "--tls_certificate",
        type=Path,
        metavar="FILE",
        help="certificate chain for TLS, in PEM format; needs --tls_key",
    )
    parser.add_argument(
        "--tls_key", type=Path, metavar="FILE", help="private key of --tls_certificate"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("data/serve"),
        metavar="DIR",
        help="folder for files that were sent, verdicts and pages",
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="NAME|FILE",
        help="detector, as for score.py (default: the one that ships)",
    )
    _add_webhook(parser.add_argument_group("webhook"))
    _add_limits(parser.add_argument_group("limits"))
    add_engine(parser, "--folder and --checkpoint")
    add_device(parser, "auto", "the model")
    add_precision(parser, "float32")
    add_prior(parser)
    return parser


def _add_webhook(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--webhook",
        metavar="URL",
        help="address to which every verdict is sent, signed as in standardwebhooks.com",
    )
    group.add_argument(
        "--webhook_secret_file",
        type=Path,
        metavar="FILE",
        help="file with the secret that signs; required with --webhook",
    )


def _add_limits(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--max_upload_mb",
        type=between(0.001, 1e6),
        default=500,
        metavar="MB",
        help="largest file that is accepted",
    )
    group.add_argument(
        "--max_queue", type=at_least(1), default=100, help="number of files that may wait"
    )
    group.add_argument(
        "--max_disk_gb",
        type=between(0.001, 1e6),
        default=20,
        metavar="GB",
        help="total size of the files that are kept",
    )
    group.add_argument(
        "--max_seconds",
        type=between(1, 1e6),
        default=600,
        metavar="SECONDS",
        help="judge only the first SECONDS of each video",
    )
    group.add_argument(
        "--timeout",
        type=between(1, 1e6),
        default=120,
        metavar="SECONDS",
        help="time limit for each minute of a video",
    )
    group.add_argument(
        "--keep_hours",
        type=between(0, 1e6),
        default=24,
        metavar="HOURS",
        help="time after which files, pages and verdicts are deleted; 0: files as soon as they are "
        "judged, without a page, and verdicts after ten minutes",
    )
