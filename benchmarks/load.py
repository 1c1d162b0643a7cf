"""Whether serve.py stands many clients at once, and a kill in the middle.

    python -m benchmarks.load FOLDER [--seconds 300] [--clients 20]

Judges the .mp4 files in FOLDER with score.py. Then each client sends copies of them to serve.py, no
two with the same bytes, and waits for the verdicts. At half of the time, the server is killed
(SIGKILL, with all its processes) and started again. Prints what was answered, memory at the
beginning and at the end, and what one clip takes beside score.py. Exits with code 1 if a request
failed in another way than by the kill or 429, if an accepted file has no verdict or another one
than from score.py, if the memory grew by more than a tenth, or if a file is left at the end.

Needs requirements-serve.txt and httpx; reads /proc, so it runs on Linux.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from benchmarks.shared import find_videos, measure_seconds, new_parser
from common import errors
from common.errors import PipelineError
from common.lock import LOCK
from flags.types import at_least, between

GROWTH = 1.1  # of the memory, at most
QUEUE = "15"  # files that may wait: fewer than clients, so that 429 occurs
EXCUSED = 5.0  # seconds after the restart in which requests to the killed server may end
TOGETHER = 5  # clips in the measurement of the time of one


@dataclass
class Load:
    """What the clients share."""

    clips: dict[Path, str]  # video → verdict of score.py
    until: float  # of time.monotonic()
    address: str = ""
    accepted: dict[str, Path] = field(default_factory=dict)  # id → video
    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    excused: float = 0.0  # time.monotonic() until which a request may go without an answer


class Server:
    """serve.py in a process group of its own."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "serve.py", "--port", "0", "--folder", str(folder)]
        self.process = subprocess.Popen(
            [*command, "--device", "cpu", "--max_queue", QUEUE],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        atexit.register(self.kill)  # also after an error
        if not self.address.startswith("http"):
            raise PipelineError("serve.py did not start")

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def memory(self) -> int:
        """Return the physical memory of the server and its processes, in bytes."""
        total = 0
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                if os.getpgid(int(status.parent.name)) == self.process.pid:
                    lines = status.read_text().splitlines()
                    total += next(int(t.split()[1]) for t in lines if t.startswith("VmRSS")) << 10
            except (OSError, StopIteration):  # it has ended
                continue
        return total


def main() -> int:
    parser = new_parser(__doc__)
    parser.add_argument("folder", type=Path, help="folder of videos")
    parser.add_argument("--seconds", type=between(1, 1e5), default=300, help="time of the load")
    parser.add_argument("--clients", type=at_least(1), default=20, help="number of clients")
    flags = parser.parse_args()
    videos = find_videos([flags.folder])
    with tempfile.TemporaryDirectory() as name:
        clips = {video: score(video, Path(name)) for video in videos}
        folder = Path(name) / "serve"
        load = Load(clips, time.monotonic() + flags.seconds)
        memory = put_under_load(load, folder, flags.clients, flags.seconds)
        left = [path for path in folder.rglob("*") if path.is_file()]
        own = (LOCK, "videos.sqlite")  # of the server, whatever it has accepted
        files = sorted(path.name for path in left if not path.name.startswith(own))
        overhead(videos[0], Path(name))
    print(f"{len(load.accepted)} files accepted; answers: {dict(load.statuses)}")
    early, late = (size / 1e6 for size in memory)
    print(f"memory {early:.0f} MB after a quarter of the second half, {late:.0f} MB at its end")
    for text in load.wrong[:10]:
        print(f"wrong: {text}")
    print(f"files left: {files or 'none'}")
    failed = load.wrong or files or not load.accepted or memory[1] > GROWTH * memory[0]
    return 1 if failed else 0


def put_under_load(load: Load, folder: Path, clients: int, seconds: float) -> tuple[int, int]:
    """Run the clients and the kill, ask for every verdict, delete everything, and return the memory
    early and late after the restart."""
    server = Server(folder)
    load.address = server.address
    threads = [threading.Thread(target=guarded_client, args=(load, n)) for n in range(clients)]
    for thread in threads:
        thread.start()
    time.sleep(seconds / 2)
    load.excused = inf
    server.kill()
    server = Server(folder)
    load.address, load.excused = server.address, time.monotonic() + EXCUSED
    time.sleep(seconds / 8)
    early = server.memory()
    for thread in threads:
        thread.join()
    late = server.memory()
    check_all(load)
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(60)
    return early, late


def guarded_client(load: Load, number: int) -> None:
    """Do the work of `client`; note any exception, which would end the thread in silence."""
    try:
        client(load, number)
    except Exception as error:
        load.wrong.append(f"client {number} ended: {errors.one_line(error)}")


def client(load: Load, number: int) -> None:
    """Send videos and wait for their verdicts, until the time is over."""
    import httpx

    order = list(load.clips)[number % len(load.clips) :] + list(load.clips)
    for turn in range(10**9):
        video = order[turn % len(order)]
        body = video.read_bytes() + distinct_box(f"{number}/{turn}")
        while time.monotonic() < load.until:
            try:
                sent = httpx.post(f"{load.address}/v1/videos", content=body, timeout=60)
            except httpx.HTTPError as error:
                note_failure(load, error)
                continue
            load.statuses[str(sent.status_code)] += 1
            if sent.status_code == 202:
                load.accepted[sent.json()["id"]] = video
                wait(load, sent.json()["id"])
                break
            if sent.status_code != 429:
                load.wrong.append(f"status {sent.status_code}: {sent.text[:200]}")
            time.sleep(0.5)
        if time.monotonic() >= load.until:
            return


def note_failure(load: Load, error: Exception) -> None:
    """Note a request without an answer, which is wrong unless the server was just killed."""
    load.statuses["none"] += 1
    if time.monotonic() > load.excused:
        load.wrong.append(f"no answer: {type(error).__name__} {error}")
    time.sleep(0.2)


def wait(load: Load, video_id: str) -> None:
    """Ask for a verdict until it is there or the time is over."""
    while time.monotonic() < load.until and get(load, video_id)["state"] != "done":
        time.sleep(0.3)


def get(load: Load, video_id: str) -> dict[str, Any]:
    import httpx

    try:
        answer = httpx.get(f"{load.address}/v1/videos/{video_id}", timeout=60)
    except httpx.HTTPError as error:
        note_failure(load, error)
        return {"state": "unknown"}
    load.statuses[str(answer.status_code)] += 1
    if answer.status_code != 200:
        load.wrong.append(f"{video_id} was accepted, and then status {answer.status_code}")
        return {"state": "done"}
    return answer.json()


def check_all(load: Load) -> None:
    """Compare the verdict of every accepted file with that of score.py, and delete the file."""
    import httpx

    for video_id, video in load.accepted.items():
        while (known := get(load, video_id))["state"] not in ("done", "deleted"):
            time.sleep(0.3)
        verdict = (known.get("result") or {}).get("verdict")
        if verdict != load.clips[video]:
            load.wrong.append(f"{video.name}: {verdict}, from score.py {load.clips[video]}")
        httpx.delete(f"{load.address}/v1/videos/{video_id}", timeout=60)


def distinct_box(text: str) -> bytes:
    """Return a box that players of MP4 ignore, with `text` in it: what follows it is not read."""
    data = text.encode()
    return (8 + len(data)).to_bytes(4, "big") + b"free" + data


def score(video: Path, folder: Path) -> str:
    """Return the verdict of score.py."""
    command = [sys.executable, "score.py", str(video), "--device", "cpu", "--output", str(folder)]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    if run.returncode > 1:  # 1: it cannot be judged, which is a verdict, too
        raise PipelineError(f"score.py failed: {run.stderr}")
    return json.loads((folder / "scores.json").read_text(encoding="utf-8"))["videos"][0]["verdict"]


def overhead(video: Path, folder: Path) -> None:
    """Print what a clip takes from the second one on, from score.py and through the API."""
    import httpx

    copies = folder / "copies"
    copies.mkdir()
    for number in range(1 + TOGETHER):
        (copies / f"{number}.mp4").write_bytes(video.read_bytes() + distinct_box(str(number)))
    files = sorted(copies.iterdir())
    command = [sys.executable, "score.py", "--device", "cpu", "--report", str(folder / "pages")]
    command += ["--output", str(folder)]

    def run(count: int) -> None:
        subprocess.run([*command, *map(str, files[:count])], check=False, capture_output=True)

    alone = (
        measure_seconds(lambda: run(1 + TOGETHER)) - measure_seconds(lambda: run(1))
    ) / TOGETHER
    server = Server(folder / "timed")
    load = Load({}, time.monotonic() + 1e6, server.address)

    def send(some: list[Path]) -> None:
        ids = [
            httpx.post(f"{load.address}/v1/videos", content=path.read_bytes()).json()["id"]
            for path in some
        ]
        for video_id in ids:
            wait(load, video_id)

    send(files[:1])
    served = measure_seconds(lambda: send(files[1:])) / TOGETHER
    server.kill()
    print(
        f"{video.name}, with its page, from the second one on: score.py {alone:.2f} s, serve.py "
        f"{served:.2f} s ({served / alone:.2f} ×), {86_400 / served:,.0f} clips a day"
    )


if __name__ == "__main__":
    errors.run(main)
