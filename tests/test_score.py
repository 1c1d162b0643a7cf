"""score.py: what is said of every person and frame, names from a pipe, and lines for one."""

import csv
import hashlib
import io
import json
import os
import sys
from pathlib import Path

import pytest
import torch

import models
import score
from common import checkpointing, errors
from common.lock import only_writer
from common.pages import format_percent
from common.preprocessing import ClipConfig
from scoring.aggregate import AGGREGATIONS
from scoring.decision_rule import DecisionRule
from scoring.predict import predict_track
from tests.helpers.crop_sets import FACES, write_crop_set
from tests.helpers.extract_here import ExtractorHere


def run(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    monkeypatch.setattr(score, "Extractor", ExtractorHere)
    monkeypatch.setattr(sys, "argv", ["score.py", *map(str, words), "--device", "cpu"])
    with pytest.raises(SystemExit) as caught:
        errors.run(score.main)
    return int(caught.value.code or 0)


def pipe(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What `-` reads."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(os.fsencode(text))))


@pytest.fixture
def judged(checkpoint: Path, tmp_path: Path) -> Path:
    """The checkpoint with thresholds around what it says, which is near a half."""
    copy = tmp_path / "best.pt"
    copy.write_bytes(checkpoint.read_bytes())
    judgement = DecisionRule(slope=3.0, real_below=0.01, fake_from=0.99, fitted="by hand")
    checkpointing.store_decision_rule(copy, judgement.to_dict())
    return copy


def test_people_and_frames_are_in_scores_json_and_agree_with_the_row(
    talking_heads: Path, judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--checkpoint", judged, "--output", tmp_path)
    assert run(monkeypatch, talking_heads / "new", *flags) == 0, "uncertain is an answer"
    document = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert document["judgement"]["fitted"] == "by hand"
    with (tmp_path / "scores.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row, video in zip(rows, document["videos"], strict=True):
        assert row["verdict"] == video["verdict"] == "uncertain"
        assert float(row["p_fake"]) == max(person["p_fake"] for person in video["people"])
        for person in video["people"]:
            frames = person["frames"]
            assert [f["index"] for f in frames] == sorted({f["index"] for f in frames})
            assert min(f["p_fake"] for f in frames) <= person["p_fake"] + 1e-6
            assert person["p_fake"] <= max(f["p_fake"] for f in frames) + 1e-6


def test_names_come_from_a_pipe_and_lines_of_json_go_to_one(
    talking_heads: Path,
    judged: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = [str(path) for path in sorted((talking_heads / "new").iterdir())]
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    names.append(str(tmp_path / "broken.mp4"))
    names.append(str(tmp_path / "gone\u2028.mp4"))
    lines = "\n".join([*names, "", names[0]]) + "\n"
    pipe(monkeypatch, lines)
    flags = ("--json", "--checkpoint", judged, "--output", tmp_path)
    assert run(monkeypatch, "-", *flags) == 1
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["video"] for line in said] == names, "each once, and nothing else is printed"
    for line in said[-2:]:
        assert line["verdict"] == "unreadable" and line["p_fake"] is None
    assert all(line["schema"] == 3 for line in said)


def test_a_prior_lowers_p_fake_and_changes_no_verdict(
    talking_heads: Path,
    judged: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = []
    flags = ("--json", "--checkpoint", judged, "--output", tmp_path)
    for prior in ("0.5", "0.01"):
        assert run(monkeypatch, talking_heads / "new", *flags, "--prior", prior) == 0
        found.append([json.loads(line) for line in capsys.readouterr().out.splitlines()])
    for plain, rare in zip(*found, strict=True):
        assert rare["verdict"] == plain["verdict"]
        for line in (plain, rare):
            p_fake = line["p_fake"]
            assert (line["verdict"] == "fake") == (p_fake >= line["fake_from"])
            assert (line["verdict"] == "real") == (p_fake < line["real_below"])
        odds = plain["p_fake"] / (1 - plain["p_fake"]) / 99
        assert rare["p_fake"] == pytest.approx(odds / (1 + odds), rel=1e-6)
        assert rare["p_fake_even"] == pytest.approx(plain["p_fake"], rel=1e-6)
        assert plain["p_fake_even"] == pytest.approx(plain["p_fake"], rel=1e-12)


def test_bfloat16_judges_nearly_as_float32(
    talking_heads: Path, judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for precision in ("float32", "bfloat16"):
        flags = ("--checkpoint", judged, "--output", tmp_path)
        assert run(monkeypatch, talking_heads / "new", *flags, "--precision", precision) == 0
        said = json.loads((tmp_path / "scores.json").read_text())
        assert said["precision"] == precision
        found[precision] = [video["p_fake"] for video in said["videos"]]
    assert found["bfloat16"] != found["float32"]
    assert found["bfloat16"] == pytest.approx(found["float32"], abs=0.05)


@pytest.mark.parametrize("temporal", ["lstm", "none"])
def test_a_track_is_judged_as_by_its_clips_and_its_frames_as_by_all_that_hold_them(
    tmp_path: Path, temporal: str
) -> None:
    write_crop_set(tmp_path, {"test": 1}, fakes_each=0, frames=5)
    jpegs = [path.read_bytes() for path in sorted(tmp_path.rglob("*.jpg"))]
    torch.manual_seed(0)
    model = models.build(models.ModelConfig(name="resnet18", embed_dim=8, temporal=temporal)).eval()
    config = ClipConfig(clip_frames=3, crop_size=FACES.face_size)
    found = predict_track(model, jpegs, config, batch_size=2)

    def alone(start: int, count: int) -> float:
        (value,) = predict_track(model, jpegs[start : start + count], config, 1).clips
        return value

    assert found.clips == pytest.approx([alone(0, 3), alone(2, 3)], abs=1e-6)
    if temporal == "none":
        expected = [alone(i, 1) for i in range(5)]
    else:
        of = [alone(start, 3) for start in range(3)]
        expected = [of[0], sum(of[:2]) / 2, sum(of) / 3, sum(of[1:]) / 2, of[2]]
    assert found.frames == pytest.approx(expected, abs=1e-6)
    assert AGGREGATIONS["max_face"]([found.clips]) == pytest.approx(sum(found.clips) / 2)


def test_the_output_is_a_folder(
    judged: Path,
    talking_heads: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = ("--checkpoint", judged, "--output", tmp_path / "scores.json")
    assert run(monkeypatch, talking_heads / "new", *flags) == 2
    assert "--output names a folder" in capsys.readouterr().err


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_page_for_every_video_says_what_was_found_and_opens_offline(
    talking_heads: Path,
    judged: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    precision: str,
) -> None:
    broken = tmp_path / "<b>broken.mp4"
    broken.write_bytes(b"no video")
    flags = ("--checkpoint", judged, "--output", tmp_path, "--precision", precision)
    pages = tmp_path / "pages"
    assert run(monkeypatch, talking_heads / "new", broken, *flags, "--report", pages) == 1
    texts = {path.name: path.read_text(encoding="utf-8") for path in pages.iterdir()}
    assert len(texts) == len(list((talking_heads / "new").iterdir())) + 1
    for name, text in texts.items():
        assert 'src="http' not in text and "<script" not in text
        if "broken" in name:
            assert "the file cannot be read" in text and "&lt;b&gt;broken.mp4" in text
            assert "<b>" not in text, "a file's name is text, never a tag"
            assert "data:image" not in text
        else:
            assert "No verdict: the signs are unclear" in text
            assert text.count("data:image/png;base64,") >= 1 + 2 * 2
            assert "h264" in text and "by hand" in text and precision in text
            assert hashlib.sha256(judged.read_bytes()).hexdigest() in text


def test_a_page_at_another_prior_states_both_probabilities(
    talking_heads: Path, judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--checkpoint", judged, "--output", tmp_path, "--report", tmp_path / "pages")
    video = next((talking_heads / "new").iterdir())
    assert run(monkeypatch, video, *flags, "--prior", "0.01") == 0
    (video,) = json.loads((tmp_path / "scores.json").read_text())["videos"]
    text = " ".join(next((tmp_path / "pages").iterdir()).read_text(encoding="utf-8").split())
    assert f"(p_fake) is {format_percent(video['p_fake'])}." in text
    assert f"were manipulated, it would be {format_percent(video['p_fake_even'])}." in text
    assert "the second number is between the two thresholds: real below" in text


def test_a_page_is_named_after_the_content_too(
    talking_heads: Path, judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two folders may hold files of one name."""
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "a.mp4").write_bytes(b"x" * number)
    flags = ("--checkpoint", judged, "--output", tmp_path)
    run(monkeypatch, tmp_path / "1", tmp_path / "2", *flags, "--report", tmp_path / "pages")
    assert len(list((tmp_path / "pages").iterdir())) == 2


def test_a_page_that_cannot_be_written_costs_no_verdict(
    judged: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = [tmp_path / f"{'ü' * 120}.mp4", tmp_path / "gone.mp4"]
    names[0].write_bytes(b"no video")
    pipe(monkeypatch, "\n".join(map(str, names)))
    flags = ("--checkpoint", judged, "--output", tmp_path, "--report", tmp_path / "pages")
    assert run(monkeypatch, "-", *flags) == 1
    assert len(list((tmp_path / "pages").iterdir())) == 1, "a long name is cut"
    out = capsys.readouterr().out
    assert out.count("unreadable") == 2
    assert "warning: page or marked video not written" in out


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.001, "less than 1 %"), (0.25, "about 25 %"), (0.99, "about 99 %"), (1.0, "more than 99 %")],
)
def test_words_promise_no_more_than_can_be_known(share: float, words: str) -> None:
    assert format_percent(share) == words


def test_marked_videos_may_not_go_where_videos_are_looked_for(
    talking_heads: Path,
    judged: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = ("--checkpoint", judged, "--output", tmp_path)
    for folder in (talking_heads / "new", talking_heads / "new" / "marked"):
        assert run(monkeypatch, talking_heads / "new", *flags, "--save_video", folder) == 2
        assert "choose a folder that is not judged itself" in capsys.readouterr().err


def test_nor_by_a_pipe_or_a_glob_of_the_next_call(
    judged: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    marked = tmp_path / "marked"
    marked.mkdir()
    (marked / "a.mp4").write_bytes(b"made by the last call")
    flags = ("--checkpoint", judged, "--output", tmp_path, "--save_video", marked)
    assert run(monkeypatch, tmp_path / "*" / "*.mp4", *flags) == 2
    assert "choose a folder that is not judged itself" in capsys.readouterr().err


def test_a_link_to_itself_costs_no_other_clip_its_marked_video(
    talking_heads: Path, judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = tmp_path / "loop.mp4"
    loop.symlink_to(loop)
    good = min((talking_heads / "new").iterdir())
    flags = ("--checkpoint", judged, "--output", tmp_path, "--save_video", tmp_path / "m")
    assert run(monkeypatch, good, tmp_path / "*.mp4", *flags) == 1
    assert len(list((tmp_path / "m").iterdir())) == 1


def test_nothing_but_scores_is_written_over(
    judged: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    for name, text in (("scores.csv", "video_id,path\n"), ("scores.json", '{"lr": 1}')):
        other = tmp_path / name
        other.write_text(text)
        flags = ("--checkpoint", judged, "--output", tmp_path)
        assert run(monkeypatch, tmp_path / "a.mp4", *flags) == 2
        assert f"{name} exists and does not contain scores" in capsys.readouterr().err
        assert other.read_text() == text
        other.unlink()
    for _ in range(2):
        flags = ("--checkpoint", judged, "--output", tmp_path)
        assert run(monkeypatch, tmp_path / "a.mp4", *flags) == 1


def test_a_name_can_look_like_no_other_line(
    judged: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "x.mp4\nreal        0.010 \x1b[2J.mp4").write_bytes(b"no video")
    flags = ("--checkpoint", judged, "--output", tmp_path)
    assert run(monkeypatch, tmp_path, *flags) == 1
    title, row, _ = capsys.readouterr().out.splitlines()
    assert title.startswith("verdict") and row.startswith("unreadable")
    assert r"x.mp4\nreal        0.010 \x1b[2J.mp4" in row


def test_what_is_said_to_a_reader_who_has_gone_is_in_the_files(
    judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"no video")

    def gone(*words: object, **how: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(score, "print", gone, raising=False)
    assert run(monkeypatch, tmp_path, "--checkpoint", judged, "--output", tmp_path, "--json") == 2
    (video,) = json.loads((tmp_path / "scores.json").read_text())["videos"]
    assert Path(video["video"]).name == "a.mp4"


def test_no_names_on_standard_input_are_an_error(
    judged: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pipe(monkeypatch, "\n")
    assert run(monkeypatch, "-", "--checkpoint", judged, "--output", tmp_path) == 2
    assert "no name on standard input" in capsys.readouterr().err


def test_a_second_call_for_the_same_output_is_refused(
    talking_heads: Path,
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "scores.csv").write_bytes(b"video,verdict,p_fake,faces\r\n")
    words = (talking_heads / "new", "--checkpoint", checkpoint, "--output", tmp_path)
    with only_writer(tmp_path):
        assert run(monkeypatch, *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: another process is writing to {tmp_path}")
    assert (tmp_path / "scores.csv").read_bytes() == b"video,verdict,p_fake,faces\r\n"


def test_results_are_private_and_partial_files_of_killed_calls_are_swept(
    talking_heads: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in folders and files of an earlier version, which followed the umask."""
    before = os.umask(0o022)
    try:
        for folder in ("out", "pages"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / ".partial-old").touch()
        (tmp_path / "out/scores.csv").write_text("video,verdict,p_fake,faces\n")
        words = ("--checkpoint", checkpoint, "--output", tmp_path / "out")
        words += ("--report", tmp_path / "pages", "--save_video", tmp_path / "marked")
        assert run(monkeypatch, min((talking_heads / "new").iterdir()), *words) == 0
        (tmp_path / "later").touch()
        assert (tmp_path / "later").stat().st_mode & 0o777 == 0o644, "the umask is as before"
    finally:
        os.umask(before)
    files = [path for path in tmp_path.glob("*/*") if path.name != ".lock"]
    endings = sorted(path.suffix for path in files)
    assert endings == [".csv", ".html", ".json", ".mp4"]
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}
