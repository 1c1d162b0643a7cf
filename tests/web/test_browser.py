"""The page in a real browser: send a clip, watch its verdict, use the timeline, delete."""

import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
playwright = pytest.importorskip("playwright.sync_api")
import uvicorn  # noqa: E402
from axe_playwright_python.sync_playwright import Axe  # noqa: E402

from tests.web.conftest import JOB, SETTINGS  # noqa: E402
from web.app import make_app  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs a chromium on PATH"),
]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of a running server."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        settings = replace(SETTINGS, folder=tmp_path / "serve", hosts=("127.0.0.1",))
        server = uvicorn.Server(uvicorn.Config(make_app(settings, JOB), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def page(address: str) -> Iterator["playwright.Page"]:
    """A page of a narrow, dark browser. A script's error, or a blocked file, is a failure."""
    with playwright.sync_playwright() as run:
        browser = run.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(
            viewport={"width": 390, "height": 800}, color_scheme="dark", base_url=address
        )
        page = context.new_page()
        found: list[str] = []
        page.on("pageerror", lambda error: found.append(str(error)))
        page.on("console", lambda line: found.append(line.text) if line.type == "error" else None)
        yield page
        browser.close()
        assert not found


def assert_readable(page: "playwright.Page") -> None:
    """No serious finding of axe, and nothing to scroll sideways."""
    violations = Axe().run(page).response["violations"]
    assert not [v["id"] for v in violations if v["impact"] in ("serious", "critical")]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_clip_is_sent_judged_explained_and_deleted(
    page: "playwright.Page", talking_heads: Path
) -> None:
    page.goto("/")
    page.wait_for_selector("#none:visible")
    assert_readable(page)
    page.set_input_files("#files", talking_heads / "new" / "new_fake.mp4")
    page.wait_for_selector("#videos td.fake, #videos td.real, #videos td.uncertain", timeout=60_000)
    page.click("#videos a")
    page.wait_for_selector("#timeline")
    assert page.title() == "new_fake.mp4"
    assert page.inner_text("h1") and page.inner_text("main").count("p_fake")
    assert_readable(page)
    page.focus("#timeline")
    assert "Over time" in page.frame_locator("iframe").locator("body").inner_text()
    with page.expect_download() as download:
        page.click("text=Download report")
    assert download.value.suggested_filename == "new_fake.html"
    page.click("#delete")
    page.wait_for_selector("#none:visible")


def test_the_keys_and_the_mouse_move_the_video(
    page: "playwright.Page", talking_heads: Path
) -> None:
    page.goto("/")
    page.set_input_files("#files", talking_heads / "new" / "new_real.mp4")
    page.wait_for_selector("#videos td.fake, #videos td.real, #videos td.uncertain", timeout=60_000)
    page.click("#videos a")
    at_start, moved = '#timeline[aria-valuenow="0.0"]', '#timeline:not([aria-valuenow="0.0"])'
    page.wait_for_selector(f'{at_start}:not([aria-valuemax="0"])')  # the player is ready
    width = page.locator("#timeline").bounding_box()["width"]
    page.click("#timeline", position={"x": width * 0.7, "y": 40})
    page.wait_for_selector(moved)
    page.focus("#timeline")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(at_start)
