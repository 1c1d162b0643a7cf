"""The API and the page: verdicts as score.py gives them, limits, tokens, and foreign pages."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
from tests.web.conftest import Serve, judged
from web import uploads
from web.access import read_tokens

ROOT = Path(__file__).parents[2]
TOKEN, OTHER = "a-token-of-many-letters", "another-token-of-letters"


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.slow
def test_a_video_gets_the_verdict_of_score_py_a_page_and_is_deleted(
    serve: Serve, talking_heads: Path, tmp_path: Path
) -> None:
    clip = talking_heads / "new" / "new_fake.mp4"
    command = [sys.executable, "score.py", str(clip), "--device", "cpu", "--output", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (expected,) = json.loads((tmp_path / "scores.json").read_text())["videos"]
    with serve() as client:
        sent = client.post("/v1/videos", files={"file": ("new_fake.mp4", clip.read_bytes())})
        assert sent.status_code == 202 and sent.json()["name"] == "new_fake.mp4"
        video_id = sent.json()["id"]
        assert sent.headers["location"] == f"/v1/videos/{video_id}"
        result = judged(client, video_id)["result"]
        for name in ("verdict", "frames", "warnings", "sha256"):
            assert result[name] == expected[name]
        assert result["p_fake"] == pytest.approx(expected["p_fake"], abs=1e-4)
        assert len(result["people"]) == len(expected["people"])
        report = client.get(f"/v1/videos/{video_id}/report")
        assert "new_fake.mp4" in report.text and video_id not in report.text
        assert "sandbox" in report.headers["content-security-policy"]
        part = client.get(f"/v1/videos/{video_id}/file", headers={"Range": "bytes=4-7"})
        assert part.status_code == 206 and part.content == clip.read_bytes()[4:8]
        assert (
            "Signs of manipulation" in client.get(f"/videos/{video_id}").text or result["verdict"]
        )
        same = client.post("/v1/videos?name=copy.mp4", content=clip.read_bytes())
        assert same.status_code == 200 and same.json()["id"] == video_id, "judged once"
        (listed,) = client.get("/v1/videos", params={"name": "NEW_"}).json()["videos"]
        assert listed["id"] == video_id
        assert f'verdict="{result["verdict"]}"' in client.get("/metrics").text
        assert client.delete(f"/v1/videos/{video_id}").status_code == 204
        assert client.get(f"/v1/videos/{video_id}").status_code == 404
        assert client.get(f"/videos/{video_id}").status_code == 404
    left = [path for path in (tmp_path / "serve").rglob("*") if path.is_file()]
    assert [path.name for path in left] == ["videos.sqlite"]


@pytest.mark.slow
def test_a_bad_file_is_a_verdict_of_unreadable_and_files_are_gone_at_once_with_keep_hours_0(
    serve: Serve, tmp_path: Path
) -> None:
    with serve(keep_hours=0) as client:
        sent = client.post("/v1/videos?name=../../a%0Ab.mp4", content=b"no video")
        answer = judged(client, sent.json()["id"])
        assert answer["name"] == "ab.mp4" and answer["result"]["verdict"] == "unreadable"
        assert not list((tmp_path / "serve" / "uploads").iterdir())
        assert "cannot be read" in client.get(f"/videos/{answer['id']}").text
        events = client.get(f"/v1/videos/{answer['id']}/events").text
        assert events == 'data: {"state": "done", "position": null}\n\n'


def test_limits_are_answered_with_what_to_do_and_nothing_is_kept(
    serve: Serve, tmp_path: Path
) -> None:
    with serve(max_upload=1000) as client:
        large = client.post("/v1/videos", content=b"x" * 2000)
        assert large.status_code == 413 and "1,000 bytes" in large.json()["detail"]
        assert large.headers["content-type"] == "application/problem+json"
        in_form = client.post("/v1/videos", files={"file": ("a.mp4", b"x" * 2000)})
        assert in_form.status_code == 413
        assert client.post("/v1/videos", content=b"").status_code == 400
        assert client.post("/v1/videos", data={"text": "no file"}).status_code in (202, 400)
        broken = {"Content-Type": "multipart/form-data"}
        assert client.post("/v1/videos", content=b"x", headers=broken).status_code == 400
        assert client.get("/v1/videos?cursor=x").status_code == 422
        assert client.get("/v1/videos?verdict=maybe").status_code == 422
        for path in ("", "/report", "/file", "/events"):
            assert client.get(f"/v1/videos/none{path}").status_code == 404
    with serve(max_disk=1) as client:
        client.app.state.server.store.add("a", "x", "a", 5, "")
        full = client.post("/v1/videos", content=b"x")
        assert full.status_code == 429 and int(full.headers["retry-after"]) > 0


def test_a_full_queue_asks_to_try_again(serve: Serve) -> None:
    with serve() as client:
        store = client.app.state.server.store
        client.app.state.server.judging.stop()
        for number in range(3):
            store.add(f"v{number}", "x", "a", 5, "")
        full = client.post("/v1/videos", content=b"x")
        assert full.status_code == 429 and "try later" in full.json()["detail"]


def test_a_token_sees_its_own_videos_only(serve: Serve) -> None:
    with serve(tokens=frozenset([TOKEN, OTHER])) as client:
        for path in ("/v1/videos", "/v1/detectors", "/metrics", "/v1/videos/x"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers=bearing("wrong")).status_code == 401
        assert client.post("/v1/videos", content=b"x").status_code == 401
        sent = client.post("/v1/videos", content=b"no video", headers=bearing(TOKEN)).json()
        assert client.get(f"/v1/videos/{sent['id']}", headers=bearing(OTHER)).status_code == 404
        assert client.delete(f"/v1/videos/{sent['id']}", headers=bearing(OTHER)).status_code == 404
        assert not client.get("/v1/videos", headers=bearing(OTHER)).json()["videos"]
        assert client.get("/healthz").status_code == 200, "for a monitor without a token"


def test_the_page_is_entered_with_a_token_and_a_cookie_that_scripts_cannot_read(
    serve: Serve,
) -> None:
    with serve(tokens=frozenset([TOKEN])) as client:
        assert client.get("/", follow_redirects=False).headers["location"] == "/sign_in"
        wrong = client.post("/sign_in", data={"token": "wrong"})
        assert wrong.status_code == 401 and "not valid" in wrong.text
        right = client.post("/sign_in", data={"token": TOKEN}, follow_redirects=False)
        cookie = right.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie and TOKEN not in cookie
        assert "Is this video real?" in client.get("/").text
        assert client.get("/v1/videos").status_code == 200
        client.post("/sign_out")
        assert client.get("/v1/videos").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_foreign_page_can_change_nothing(serve: Serve, headers: dict[str, str]) -> None:
    with serve() as client:
        assert client.post("/v1/videos", content=b"x", headers=headers).status_code == 403
        assert client.delete("/v1/videos/x", headers=headers).status_code == 403
        own = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
        assert client.delete("/v1/videos/x", headers=own).status_code == 404


def test_another_name_of_the_host_is_refused_and_no_script_runs_inline(serve: Serve) -> None:
    with serve() as client:
        assert client.get("/", headers={"Host": "evil.example"}).status_code == 421
        assert client.get("/", headers={"Host": "localhost:8000"}).status_code == 200
        page = client.get("/")
        policy = page.headers["content-security-policy"]
        assert "script-src 'self'" in policy and "unsafe" not in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert "<script>" not in page.text and " onclick=" not in page.text
        pages = page.text + "".join(
            client.get(f"/static/{name}").text for name in ("style.css", "home.js", "video.js")
        )
        assert len(pages) < 200_000 and "http://" not in pages and "https://" not in pages


def test_a_name_is_shown_as_one_line_without_folders() -> None:
    assert uploads.clean_name("C:\\Users\\me\\clip.mp4") == "clip.mp4"
    assert uploads.clean_name("../../etc/passwd") == "passwd"
    assert uploads.clean_name("a\x00\n\u202eb.mp4") == "ab.mp4"
    assert uploads.clean_name("/") == uploads.clean_name("..\n") == "video"
    assert len(uploads.clean_name("x" * 5000)) == 200


def test_a_token_that_could_be_guessed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"# tokens\n{TOKEN}\n\n{OTHER}\n")
    assert read_tokens(path) == {TOKEN, OTHER}
    for text in ("", "short", f"{TOKEN}\nshort"):
        path.write_text(text)
        with pytest.raises(Exception, match="needs a token per line"):
            read_tokens(path)


def test_without_a_token_only_this_machine_is_served() -> None:
    command = [sys.executable, "serve.py", "--host", "0.0.0.0"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 2 and "add --token_file" in run.stderr
    assert len(run.stderr.splitlines()) == 1
