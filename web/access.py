"""Who may use the server: tokens, sessions of the page, names of the host, and foreign pages."""

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import Request, Response

from common.errors import UsageError
from web.problems import Problem, as_problem
from web.settings import Settings

COOKIE = "session"
EVERYBODY = "everybody"  # the owner of all files of a server without tokens
MIN_TOKEN = 16  # characters
MAX_SESSIONS = 1000  # the oldest ends when there is one more
UPLOADS = "/v1/videos"  # the only path that takes large bodies
MAX_BODY = 4096  # bytes of a request to any other path
SAFE = ("GET", "HEAD", "OPTIONS")
# No inline script, nothing from other servers, and no frame of another page around it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; frame-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
Next = Callable[[Request], Awaitable[Response]]


def read_tokens(path: Path) -> frozenset[str]:
    """Return the tokens in a file, one per line. Raise UsageError if there is none, or one that
    could be guessed."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    tokens = frozenset(line for line in lines if line and not line.startswith("#"))
    if not tokens or min(map(len, tokens)) < MIN_TOKEN:
        raise UsageError(
            f"--token_file: {path} needs a token per line, each of {MIN_TOKEN} characters or more "
            '(python -c "import secrets; print(secrets.token_urlsafe())" makes one)'
        )
    return tokens


def plain_address(text: str) -> str:
    """Return an IP address in its shortest form, an IPv4 address also if it is written as IPv6; a
    text that is no IP address as it is."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    return str(getattr(address, "ipv4_mapped", None) or address)


class Access:
    """Knows tokens and sessions, and checks every request."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._sessions: dict[str, str] = {}  # cookie → owner

    def sign_in(self, token: str) -> str | None:
        """Return the cookie of a new session; None if the token is wrong."""
        owner = self._owner_of(token)
        if owner is None:
            return None
        while len(self._sessions) >= MAX_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        cookie = secrets.token_urlsafe(32)
        self._sessions[cookie] = owner
        return cookie

    def sign_out(self, cookie: str) -> None:
        self._sessions.pop(cookie, None)

    def owner(self, request: Request) -> str | None:
        """Return whose files a request may see; None if it bears neither token nor session, nor a
        user that a proxy has signed in."""
        if self.settings.proxies:
            user = request.headers.get(self.settings.user_header, "").strip()
            return _owner(user) if user else None
        if not self.settings.tokens:
            return EVERYBODY
        if token := bearer(request):
            return self._owner_of(token)
        return self._sessions.get(request.cookies.get(COOKIE, ""))

    def _owner_of(self, token: str) -> str | None:
        right = [hmac.compare_digest(token.encode(), t.encode()) for t in self.settings.tokens]
        return _owner(token) if any(right) else None

    async def check(self, request: Request, call_next: Next) -> Response:
        """Refuse what a foreign page could make a browser send; add headers to every answer."""
        try:
            self._check_address(request)
            self._check_host(request)
            self._check_origin(request)
            _check_body(request)
        except Problem as problem:
            response: Response = await as_problem(request, problem)
        except ValueError as error:  # of urlsplit
            response = await as_problem(request, Problem(400, f"a damaged header: {error}"))
        else:
            response = await call_next(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _check_address(self, request: Request) -> None:
        """Raise Problem if the server stands behind proxies and is called by somebody else, who
        could name any user."""
        proxies = self.settings.proxies
        client = request.client
        if proxies and (client is None or plain_address(client.host) not in proxies):
            raise Problem(403, "this server is called through its proxy only")

    def _check_host(self, request: Request) -> None:
        """Raise Problem unless the server is called by one of its names: another name may be that
        of a page that made the browser believe it is this server (DNS rebinding)."""
        name = urlsplit(f"//{request.headers.get('host', '')}").hostname
        if name not in self.settings.hosts:
            named = f"{name} is not a name of this server" if name else "the Host header is missing"
            raise Problem(421, f"{named}: --hosts gives a server further names")

    def _check_origin(self, request: Request) -> None:
        """Raise Problem if another page's script or form sends a request that changes something.
        Programs send neither Origin nor Sec-Fetch-Site."""
        if request.method in SAFE or (bearer(request) and self.settings.tokens):
            return
        site = request.headers.get("sec-fetch-site", "same-origin")
        origin = request.headers.get("origin")
        same = origin is None or urlsplit(origin).netloc == request.headers.get("host")
        if site not in ("same-origin", "none") or not same:
            raise Problem(403, "the request comes from another page")


def _owner(name: str) -> str:
    """Return the owner in the store for a token or a user: a hash that does not tell it."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _check_body(request: Request) -> None:
    """Raise Problem for a body that no route but the one for videos takes."""
    if request.url.path == UPLOADS or request.method in SAFE:
        return
    size = request.headers.get("content-length", "0")
    chunked = "transfer-encoding" in request.headers
    kind = request.headers.get("content-type", "").lower()
    if chunked or not size.isdigit() or int(size) > MAX_BODY or kind.startswith("multipart/"):
        raise Problem(413, f"a body of more than {MAX_BODY} bytes, or of an unknown size")


def bearer(request: Request) -> str | None:
    """Return the token in the Authorization header; None if there is none."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None
