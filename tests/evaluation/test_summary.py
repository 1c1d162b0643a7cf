"""The lines that evaluate.py prints."""

from evaluation import summary


def test_metrics_fakes_the_weakest_group_and_verdicts_have_lines() -> None:
    def measured(value: float | None) -> dict[str, object]:
        return {"value": value, "interval": None}

    groups = {name: {"auc": measured(auc)} for name, auc in {"swap": 0.9, "mouth": 0.6}.items()}
    result = {
        "checkpoint": "a.pt",
        "csv_file": "b.csv",
        "videos": 5,
        "videos_judged": 4,
        "sources": 3,
        "judgement": {"fitted": ""},
        "metrics": {name: measured(0.75) for name in summary.SHOWN} | {"auc": measured(None)},
        "groups": {"method": groups | {"few": {}}, "codec": {}},
        "verdicts": {"REAL": {"real": 2, "fake": 1}},
    }
    first, rule, *lines = summary.lines(result)
    assert first == "a.pt on b.csv: 4 of 5 videos judged, 3 sources"
    assert rule.strip() == "not calibrated"
    assert lines[0].split() == ["auc", "–"] and lines[1].split() == ["log_loss", "0.750", "(–)"]
    assert lines[len(summary.SHOWN) :] == [
        "  auc of swap        0.900 (–)",
        "  auc of mouth       0.600 (–)",
        "  weakest method: mouth, auc 0.600 (–)",
        "  REAL: 2 real, 1 fake",
    ]
