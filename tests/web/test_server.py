"""The API and the page: verdicts as score.py gives them, limits, tokens, and foreign pages."""

import json
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
import httpx

from common.errors import UsageError
from inference.clip_report import HEADLINES
from tests.helpers.video_files import read_images
from tests.web.conftest import SETTINGS, Serve, judged
from web import uploads
from web.access import read_tokens
from web.problems import Problem
from web.store import Store

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
        page = client.get(f"/videos/{video_id}").text
        assert HEADLINES[result["verdict"]] in page and "It is called real below 0." in page
        marked = client.get(f"/v1/videos/{video_id}/marked.mp4")
        assert marked.headers["content-disposition"].endswith('"new_fake_marked.mp4"')
        (tmp_path / "marked.mp4").write_bytes(marked.content)
        images = read_images(tmp_path / "marked.mp4")
        assert len(images) >= result["people"][0]["frames"][-1]["index"]
        assert not list((tmp_path / "serve" / "marked").iterdir()), "deleted when it is sent"
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
        assert events == 'data: {"state": "done", "position": null, "progress": null}\n\n'


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
        assert client.post("/v1/videos", data={"text": "no file"}).status_code == 415
        no_file = client.post("/v1/videos", files={"text": (None, "no file")})
        assert no_file.status_code == 400 and "no file" in no_file.json()["detail"]
        kind = {"Content-Type": "Multipart/Form-Data; boundary=x"}
        assert client.post("/v1/videos", content=b"--x--", headers=kind).status_code == 400
        broken = {"Content-Type": "multipart/form-data"}
        assert client.post("/v1/videos", content=b"x", headers=broken).status_code == 400
        assert client.get("/v1/videos?cursor=x").status_code == 422
        assert client.get("/v1/videos?verdict=maybe").status_code == 422
        for path in ("", "/report", "/file", "/events"):
            assert client.get(f"/v1/videos/none{path}").status_code == 404
    with serve(max_disk=1) as client:
        full = client.post("/v1/videos", content=b"xy")
        assert full.status_code == 429 and int(full.headers["retry-after"]) > 0


def test_a_full_queue_asks_to_try_again(serve: Serve) -> None:
    with serve() as client:
        store = client.app.state.server.store
        client.app.state.server.judging.stop()
        for number in range(3):
            store.add(f"v{number}", "x", "a", 5, "")
        full = client.post("/v1/videos", content=b"x")
        assert full.status_code == 429 and "try later" in full.json()["detail"]


def test_files_that_are_being_received_take_room(tmp_path: Path) -> None:
    settings = replace(SETTINGS, max_queue=2, max_disk=10)
    room = uploads.Room(settings, Store(tmp_path / "videos.sqlite", ""))
    with room.reserved(5):
        with pytest.raises(Problem, match="429"), room.reserved(6):
            pass
        with room.reserved(5), pytest.raises(Problem, match="429"), room.reserved(0):
            pass
    with room.reserved(10):
        pass


def test_files_of_somebody_else_in_the_folder_are_not_deleted(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "serve" / "uploads"
    folder.mkdir(parents=True)
    (folder / "thesis.docx").write_text("mine")
    with pytest.raises(UsageError, match="choose an empty folder"), serve():
        pass
    assert (folder / "thesis.docx").read_text() == "mine"
    (folder / "thesis.docx").unlink()
    (folder / ("a" * 22)).write_text("half a file of a killed server")
    with serve():
        assert not list(folder.iterdir())


def test_old_files_are_deleted_also_while_others_wait(serve: Serve, tmp_path: Path) -> None:
    with serve(keep_hours=1) as client:
        parts = client.app.state.server
        parts.judging.stop()
        for number, age in enumerate((3601, 3599)):
            video_id = str(number) * 22
            parts.store.add(video_id, "x", "a", 5, "")
            parts.store.finish(video_id, {"verdict": "real"})
            parts.store._write(
                "UPDATE videos SET finished = ? WHERE id = ?", time.time() - age, video_id
            )
            (tmp_path / "serve" / "uploads" / video_id).write_text("x")
        parts.store.add("waits", "x", "a", 5, "")
        parts.judging.delete_old()
        assert parts.store.ids() == {"1" * 22, "waits"}
        assert [path.name for path in (tmp_path / "serve" / "uploads").iterdir()] == ["1" * 22]


@pytest.mark.slow
def test_a_page_that_cannot_be_written_costs_no_verdict_and_a_thread_that_fails_says_so(
    serve: Serve, talking_heads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = (talking_heads / "new" / "new_real.mp4").read_bytes()

    def fail(*_: object) -> None:
        raise RuntimeError("out of memory")

    with serve() as client:
        monkeypatch.setattr(type(client.app.state.server.job), "write_page", fail)
        answer = judged(client, client.post("/v1/videos", content=clip).json()["id"])
        assert "report could not be written (RuntimeError: out" in answer["result"]["detail"]
        assert answer["result"]["verdict"] in ("real", "fake", "uncertain")
        monkeypatch.setattr(type(client.app.state.server.store), "finish", fail)
        client.post("/v1/videos", content=b"no video")
        client.app.state.server.judging.join(30)
        assert client.get("/readyz").status_code == 503
        assert client.post("/v1/videos", content=b"x").status_code == 503
    monkeypatch.undo()
    with serve() as client:
        waiting = client.get("/v1/videos").json()["videos"][0]
        assert judged(client, waiting["id"])["result"]["verdict"] == "unreadable"


def test_marked_copies_and_drafts_do_not_outlive_their_video(serve: Serve, tmp_path: Path) -> None:
    with serve() as client:
        parts = client.app.state.server
        draft = parts.settings.drafts / f"{'a' * 22}-12345678.html"
        draft.write_text("a face")
        parts.judging.delete("a" * 22)
        assert not draft.exists()
        copy, folder = parts.settings.marked / "b.mp4", parts.settings.marked / "c"
        copy.write_text("x")
        folder.mkdir()
        (folder / "part.mp4").write_text("x")
        with parts.marking._lock:
            parts.marking.delete_old(age=0)
            assert copy.exists(), "one is being made"
        parts.marking.delete_old(age=0)
        assert not list(parts.settings.marked.iterdir())


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
        assert "secure" in cookie, "this name is not that of the machine itself"
        here = client.post(
            "/sign_in",
            data={"token": TOKEN},
            headers={"Host": "localhost:8000"},
            follow_redirects=False,
        )
        assert "secure" not in here.headers["set-cookie"].lower()
        value = right.headers["set-cookie"].partition("=")[2].partition(";")[0]
        client.cookies.clear()
        client.cookies.set("session", value)
        form = client.post("/sign_in", files={"token": (None, "x" * 10_000)})
        assert form.status_code == 413, "anybody may send it"
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
        for name in ("[::1", "x]", ""):
            refused = client.get("/", headers={"Host": name})
            assert refused.status_code in (400, 421)
            assert refused.headers["x-content-type-options"] == "nosniff"
        assert client.delete("/v1/videos/x", headers={"Origin": "http://["}).status_code == 400
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


def test_a_port_that_is_taken_and_a_damaged_detector_are_errors_of_one_line(
    tmp_path: Path,
) -> None:
    def run(*words: str) -> str:
        command = [sys.executable, "serve.py", "--folder", str(tmp_path / "serve"), *words]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert ended.returncode == 2 and len(ended.stderr.splitlines()) == 1
        return ended.stderr

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        assert "Address already in use" in run("--port", str(listener.getsockname()[1]))
    (tmp_path / "bad.pt").write_bytes(b"x")
    assert "is damaged" in run("--port", "0", "--checkpoint", str(tmp_path / "bad.pt"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_and_a_restart_judges_what_waited(
    tmp_path: Path, talking_heads: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "serve.py", "--folder", str(tmp_path), "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        address = server.stdout.readline().strip()
        for name in ("new_real.mp4", "new_fake.mp4"):
            clip = (talking_heads / "new" / name).read_bytes()
            assert httpx.post(f"{address}/v1/videos", content=clip).status_code == 202
        server.send_signal(number)
        assert server.wait(30) in (0, 130, 143, -2, -15)
    store = Store(tmp_path / "videos.sqlite", "")
    assert store.waiting() == 2 and len(list((tmp_path / "uploads").iterdir())) == 2


def test_without_a_token_only_this_machine_is_served() -> None:
    command = [sys.executable, "serve.py", "--host", "0.0.0.0"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 2 and "add --token_file" in run.stderr
    assert len(run.stderr.splitlines()) == 1
