"""Serves a page and an HTTP API that judge videos, with the same verdicts as score.py.

python serve.py
"""

import args

if __name__ == "__main__":
    args.serve_parser().parse_args()  # before slow imports, so that --help answers at once

import argparse
import os
import socket
import sys
import tempfile

import detectors
from common import errors
from common.errors import UsageError
from common.lock import only_writer
from faces.sampling import Span
from flags.serve import LOOPBACK
from inference.scoring_job import ScoringJob

WINDOW = 60.0  # seconds of a video that are judged at once, as in score.py


def main() -> int:
    flags = args.serve_parser().parse_args()
    try:
        import uvicorn

        from web import access, app
        from web.settings import Settings
    except ImportError as error:
        raise UsageError(
            f"serve.py needs {error.name}: pip install -r requirements-serve.txt"
        ) from error
    if flags.host not in LOOPBACK and flags.token_file is None:
        raise UsageError(
            f"--host {flags.host} lets other machines in: add --token_file, so that they need a "
            "token"
        )
    tokens = access.read_tokens(flags.token_file) if flags.token_file else frozenset()
    os.umask(0o077)  # files and pages show people's faces
    settings = Settings(
        folder=flags.folder,
        hosts=tuple(name.lower() for name in (flags.host, *LOOPBACK, *flags.hosts)),
        tokens=tokens,
        max_upload=int(flags.max_upload_mb * 1e6),
        max_queue=flags.max_queue,
        max_disk=int(flags.max_disk_gb * 1e9),
        keep_hours=flags.keep_hours,
    )
    flags.folder.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(flags.folder)  # also for the parts of forms
    problems: list[str] = []

    def failed(reason: str) -> None:
        problems.append(reason)
        server.should_exit = True

    with only_writer(flags.folder), listen(flags.host, flags.port) as listener:
        job = make_job(flags)
        job.judge  # noqa: B018 (loads the model, or raises)
        application = app.make_app(settings, job, failed)
        config = uvicorn.Config(
            application,
            log_level="warning",
            server_header=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=5,
        )
        server = uvicorn.Server(config)
        print(f"{address_of(listener)}\nCtrl-C stops the server", flush=True)
        server.run(sockets=[listener])
    for reason in problems:
        print(f"error: {reason}", file=sys.stderr)
    return 2 if problems else 0


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address. Raise UsageError if it cannot."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise UsageError(f"--host {host} --port {port}: {error.strerror or error}") from error
    return listener


def address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_job(flags: argparse.Namespace) -> ScoringJob:
    return ScoringJob(
        checkpoint=detectors.find(flags.checkpoint).absolute(),
        backend="torch",
        device=flags.device,
        precision=flags.precision,
        prior=flags.prior,
        faces=None,
        span=Span(WINDOW, flags.max_seconds),
        timeout=flags.timeout,
    )


if __name__ == "__main__":
    errors.run(main)
