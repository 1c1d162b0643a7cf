"""The pages for a browser: files and verdicts, one video with its timeline, the sign-in form."""

from pathlib import Path

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

import detectors
from common.loopback import LOOPBACK
from common.pages import format_p_fake, format_percent
from common.version import VERSION
from inference.clip_report import HEADLINES
from scoring.decision_rule import EVEN_PRIOR
from web import server
from web.access import COOKIE
from web.media import PICTURES

router = APIRouter(include_in_schema=False)
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters |= {"percent": format_percent, "in_digits": format_p_fake}
TEMPLATES.globals |= {"version": VERSION, "headlines": HEADLINES}
# What a verdict means, in a sentence.
MEANINGS = {
    "fake": "The face shows traces that the detector knows from manipulated videos. A verdict is "
    "evidence, not proof: some genuine videos are called fake, too.",
    "real": "The detector found no traces that it knows. This does not prove that the video is "
    "genuine: it does not know every kind of manipulation.",
    "uncertain": "The traces are too weak for a verdict, in either direction. This is the usual "
    "answer for videos that are unlike the detector's training.",
    "no_face": "No face was found that is large and clear enough, so nothing was judged. It says "
    "nothing about whether the video is genuine.",
    "unreadable": "The file is damaged, or is no video or picture that can be read.",
    "timeout": "Reading the file took too long. A shorter or smaller copy of it may work.",
}


def render(request: Request, name: str, status: int = 200, **values: object) -> HTMLResponse:
    found = server.of(request)
    text = TEMPLATES.get_template(name).render(
        signed_in=bool(found.settings.tokens) and found.access.owner(request) is not None, **values
    )
    return HTMLResponse(text, status)


@router.get("/")
def home(request: Request) -> Response:
    found = server.of(request)
    if found.access.owner(request) is None:
        return RedirectResponse("/sign_in", 303)
    return render(
        request,
        "home.html",
        max_upload=found.settings.max_upload,
        keep_hours=found.settings.keep_hours,
        detector=f"{found.job.checkpoint.parent.name}/{found.job.checkpoint.name}",
        shipped=found.job.checkpoint.parent.name in detectors.names(),
    )


@router.get("/videos/{video_id}")
def one_video(request: Request, video_id: str) -> Response:
    found = server.of(request)
    if found.access.owner(request) is None:
        return RedirectResponse("/sign_in", 303)
    video = found.store.find(video_id, server.owner(request))
    if video is None:
        return render(request, "gone.html", 404)
    outside = bool(video.result and any("outside" in w for w in video.result["warnings"]))
    rule = found.job.judge.rule.at_prior(EVEN_PRIOR)
    return render(
        request,
        "video.html",
        video=video,
        result=video.result,
        meaning=MEANINGS.get(video.verdict or "", ""),
        thresholds=rule.p_fake_outside if outside else rule.p_fake_thresholds,
        lines=found.job.judge.rule.p_fake_thresholds,
        same_settings=video.settings == found.store.settings,
        is_picture=Path(video.name).suffix.lower() in PICTURES,
        has_page=found.judging.page(video.id).is_file(),
        has_file=(found.settings.uploads / video.id).is_file(),
    )


@router.get("/sign_in")
def sign_in_form(request: Request) -> Response:
    return render(request, "sign_in.html", wrong=False)


@router.post("/sign_in")
def sign_in(request: Request, token: str = Form(max_length=1000)) -> Response:
    """Start a session. Players and event streams cannot send headers, but a cookie."""
    cookie = server.of(request).access.sign_in(token)
    if cookie is None:
        return render(request, "sign_in.html", 401, wrong=True)
    response = RedirectResponse("/", 303)
    secure = request.url.scheme == "https" or request.url.hostname not in LOOPBACK
    response.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", secure=secure)
    return response


@router.post("/sign_out")
def sign_out(request: Request) -> Response:
    server.of(request).access.sign_out(request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/sign_in", 303)
    response.delete_cookie(COOKIE)
    return response
