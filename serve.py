"""Serves a page and an HTTP API that judge videos, with the same verdicts as score.py.

python serve.py
"""

import args

if __name__ == "__main__":
    args.serve_parser().parse_args()  # before slow imports, so that --help answers at once

import argparse
import ipaddress
import os
import socket
import sys
import tempfile

import detectors
from common import errors
from common.errors import UsageError
from common.lock import only_writer
from common.loopback import LOOPBACK
from faces.sampling import Span
from inference.scoring_job import ScoringJob

WINDOW = 60.0  # seconds of a video that are judged at once, as in score.py


def main() -> int:
    flags = args.serve_parser().parse_args()
    try:
        import uvicorn

        from web import access, app, judging, webhook
        from web.settings import Settings
    except ImportError as error:
        raise UsageError(
            f"serve.py needs {error.name}: pip install -r requirements-serve.txt"
        ) from error
    check_flags(flags)
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
        proxies=tuple(map(access.plain_address, flags.behind_proxy)),
        user_header=flags.user_header,
    )
    hook = webhook.Webhook(flags.webhook, flags.webhook_secret_file) if flags.webhook else None
    flags.folder.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(flags.folder)  # also for the parts of forms
    problems: list[str] = []

    def failed(reason: str) -> None:
        problems.append(reason)
        server.should_exit = True

    with only_writer(flags.folder), listen(flags.host, flags.port) as listener:
        on_cluster = flags.engine == "ray"
        # With a cluster, this machine needs only the decision rule, and may have no GPU.
        job = make_job(flags, "cpu" if on_cluster else flags.device)
        job.judge  # noqa: B018 (loads the model, or raises)
        cluster = judging.Cluster(flags.ray_address, flags.device) if on_cluster else None
        application = app.make_app(settings, job, failed, hook, cluster)
        config = uvicorn.Config(
            application,
            log_level="warning",
            server_header=False,
            proxy_headers=False,  # nobody but --behind_proxy says who calls
            ssl_certfile=flags.tls_certificate,
            ssl_keyfile=flags.tls_key,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=5,
        )
        server = uvicorn.Server(config)
        scheme = "https" if flags.tls_certificate else "http"
        print(f"{scheme}://{address_of(listener)}\nCtrl-C stops the server", flush=True)
        server.run(sockets=[listener])
    for reason in problems:
        print(f"error: {reason}", file=sys.stderr)
    return 2 if problems else 0


def check_flags(flags: argparse.Namespace) -> None:
    """Raise UsageError if others could use the server without a token, or if flags contradict each
    other."""
    if flags.host not in LOOPBACK and not (flags.token_file or flags.behind_proxy):
        raise UsageError(
            f"--host {flags.host} lets other machines in: add --token_file, so that they need a "
            "token, or --behind_proxy"
        )
    if flags.token_file and flags.behind_proxy:
        raise UsageError("--behind_proxy signs users in: leave out --token_file")
    for name, other in (("tls_certificate", "tls_key"), ("webhook", "webhook_secret_file")):
        if (getattr(flags, name) is None) != (getattr(flags, other) is None):
            raise UsageError(f"--{name} and --{other} need each other")
    for address in flags.behind_proxy:
        try:
            ipaddress.ip_address(address)
        except ValueError as error:
            raise UsageError(f"--behind_proxy: {address!r} is no IP address") from error


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address. Raise UsageError if it cannot."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()  # so that who reads the address can connect at once
    except OSError as error:
        raise UsageError(f"--host {host} --port {port}: {error.strerror or error}") from error
    return listener


def address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def make_job(flags: argparse.Namespace, device: str) -> ScoringJob:
    return ScoringJob(
        checkpoint=detectors.find(flags.checkpoint).absolute(),
        backend="torch",
        device=device,
        precision=flags.precision,
        prior=flags.prior,
        faces=None,
        span=Span(WINDOW, flags.max_seconds),
        timeout=flags.timeout,
    )


if __name__ == "__main__":
    errors.run(main)
