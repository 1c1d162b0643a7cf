"""python -m datasets.splits audit: any table of videos gets a right answer or a refusal."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from datasets import layouts, split_table, splits
from tests.helpers.commands import ROOT, run_here
from tests.helpers.trees import touch

Audit = Callable[[str], tuple[int, str]]

AUDIT = """video_id,label,source,split
a,0,a,train
a,0,a,train
b,1,a,val
c,0,c,val
d,1,c,test
"""


@pytest.fixture
def audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Audit:
    """Write a CSV file and audit it; return the exit code and the output."""

    def run(text: str) -> tuple[int, str]:
        (tmp_path / "videos.csv").write_text(text)
        code = run_here(monkeypatch, splits.main, "audit", tmp_path / "videos.csv")
        return code, "".join(capsys.readouterr())

    return run


@pytest.mark.slow
def test_the_command_counts_videos_not_tracks_and_exits_with_1_for_a_leak(
    tmp_path: Path,
) -> None:
    (tmp_path / "videos.csv").write_text(AUDIT)
    command = [sys.executable, "-m", "datasets.splits", "audit", str(tmp_path / "videos.csv")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "LEAK: 1 of 3 held-out videos (33%)" in done.stdout


def test_the_command_exits_with_0_without_a_leak(audit: Audit) -> None:
    code, output = audit(AUDIT.replace("b,1,a,val", "b,1,b,val"))
    assert code == 0
    assert "no leak: none of 3 held-out videos" in output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (AUDIT.replace("source", "origin"), "lacks the columns source"),
        (AUDIT.replace("train", "fit"), "no row has the split train"),
        ("", "cannot be read as CSV"),
        (AUDIT.replace(",", ";"), "it has video_id;label;source;split"),
        (AUDIT.replace("\nb,1", "\nb,x"), "line 4 has a label that is none of"),
        (AUDIT.replace("\nb,1", "\nb,"), "line 4 has no label"),
        (AUDIT.replace("c,0,c,val", "c,0,,val"), "line 5 has no source"),
        (AUDIT.replace("c,0,c,val", "c,0,c"), "line 5 has no split"),
        (AUDIT.replace("b,1,a,val", "b,1,a,val,x,y"), "cannot be read as CSV"),
        (AUDIT.replace("\n", ",\n").replace("split,", "split", 1), "more values than"),
        (AUDIT.replace("a,0,a,train\nb", "a,0,x,train\nb"), "line 3 gives a video another source"),
    ],
)
def test_the_command_refuses_what_it_cannot_judge_in_one_line(
    audit: Audit, text: str, said: str
) -> None:
    code, output = audit(text)
    assert code == 2
    assert said in output
    assert "Traceback" not in output


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("words", [("0", "1"), ("REAL", "FAKE"), ("real", " Fake"), ("0.0", "1.0")])
def test_labels_are_words_or_numbers(tmp_path: Path, words: tuple[str, str], encoding: str) -> None:
    text = "\n".join(
        f"{video},{words[int(label)]},{rest}" if label in "01" else line
        for line in AUDIT.splitlines()
        for video, label, rest in [line.split(",", 2)]
    )
    (tmp_path / "a.csv").write_text(text, encoding=encoding)
    assert split_table.read(tmp_path / "a.csv")["label"].tolist() == [0, 0, 1, 0, 1]


@pytest.mark.parametrize(("ours", "other"), [("000", "0"), ("1e3", "1000"), ("1.0", "1")])
def test_sources_are_text(audit: Audit, ours: str, other: str) -> None:
    text = "video_id,label,source,split\na,0,{},train\nb,0,{},test\n"
    code, output = audit(text.format(ours, other))
    assert (code, "no leak" in output) == (0, True)
    assert audit(text.format(ours, ours))[0] == 1


def test_train_in_any_case_is_training(audit: Audit) -> None:
    text = "video_id,label,source,split\na,0,a,train\nb,1,a,Train\nc,1,c,TEST\nd,0,a,training\n"
    assert audit(text)[0] == 0


FFPP = [f"real/{n:03d}.mp4" for n in range(12)]
FFPP += [f"Deepfakes/{n:03d}_{n + 1 - 2 * (n % 2):03d}.mp4" for n in range(12)]


def test_names_like_pairs_of_ffpp_in_two_splits_are_said(tmp_path: Path, audit: Audit) -> None:
    touch(tmp_path / "flat", *FFPP)
    table = splits.complete(layouts.read("folders", tmp_path / "flat"), 0, 0.2, 0.3)
    code, output = audit(table.to_csv(index=False))
    assert code == 0
    assert "names look like pairs of FaceForensics++ (Deepfakes/0" in output
    assert "--layout ffpp" in output
    assert not split_table.related_names(table.assign(split="train"))


def test_the_ffpp_layout_tears_no_pair_apart(tmp_path: Path) -> None:
    for name in FFPP:
        kind, _, video = name.partition("/")
        home = "original_sequences/youtube" if kind == "real" else f"manipulated_sequences/{kind}"
        touch(tmp_path, f"{home}/c23/videos/{video}")
    table = splits.complete(layouts.read("ffpp", tmp_path), 0, 0.4, 0)
    assert table["split"].nunique() == 2
    assert not split_table.related_names(table)


def test_names_that_repeat_in_the_splits_of_a_tree_are_said(tmp_path: Path) -> None:
    names = [f"{split}/{label}/1.mp4" for split in ("train", "test") for label in ("real", "fake")]
    touch(tmp_path, *names, "test/real/2.mp4")
    table = splits.complete(layouts.read("folders", tmp_path), 0, 0, 0)
    (warning,) = split_table.related_names(table)
    assert "2 held-out videos have the name of a training source (1)" in warning
