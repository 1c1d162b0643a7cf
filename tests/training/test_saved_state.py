"""A training state of any content is restored, or refused by name."""

from dataclasses import asdict
from typing import Any

import pytest
import torch

from training import saved_state
from training.history import EpochRow
from training.optimizer import make_optimizer
from training.state import Position

ROW = EpochRow(1, 0.7, 0.5, 0.7, 0.5, None, 0.001, 2.0, 9.5, 1.0)


def valid(kind: str = "adamw") -> dict[str, Any]:
    """Return the state of a run that was stopped in its second epoch."""
    layer = torch.nn.Linear(2, 3)
    optimizer = make_optimizer(kind, [(list(layer.parameters()), 0.1)], 0.0)
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return {
        "weights": None,
        "averaged": 0,
        "optimizer": optimizer.state_dict(),
        "steps": 4,
        "randoms": [{"cpu": torch.get_rng_state(), "cuda": None}],
        "position": asdict(Position(epoch=2, step=1, seen=4, problems=["a.mp4 is damaged"])),
        "rows": [asdict(ROW)],
    }


@pytest.mark.parametrize("kind", ["adamw", "adam", "sgd"])
def test_a_saved_state_is_accepted_and_read_back(kind: str) -> None:
    state = valid(kind)
    saved_state.check(state)
    assert saved_state.epoch_rows(state) == [ROW]
    assert saved_state.start(state) == Position(**state["position"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weights", []),
        ("weights", {"a": 1}),
        ("averaged", -1),
        ("averaged", "1"),
        ("steps", 1.5),
        ("steps", True),
        ("steps", -1),
        ("optimizer", {}),
        ("optimizer", {"param_groups": [3], "state": {}}),
        ("optimizer", {"param_groups": [], "state": {0: {"exp_avg": torch.zeros(1)}}}),
        ("optimizer", {"param_groups": [], "state": [1]}),
        ("randoms", [{"cpu": 3, "cuda": None}]),
        ("randoms", [3]),
        ("position", {"epoch": 1}),  # its row says that the first epoch is finished
        ("position", {"epoch": "2"}),
        ("position", {"epoch": 2, "unknown": 1}),
        ("position", {"epoch": 2, "step": -1}),
        ("position", {"epoch": 2, "seen": 3}),
        ("position", {"epoch": 2, "problems": [3]}),
        ("rows", [3]),
        ("rows", []),
        ("rows", [asdict(ROW) | {"epoch": 5}]),
        ("rows", [asdict(ROW) | {"val_loss": None}]),
        ("rows", [asdict(ROW) | {"val_auc": "0.5"}]),
    ],
)
def test_a_state_that_training_cannot_have_left_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"^it"):
        saved_state.check(valid() | {name: value})


def test_tensors_of_another_shape_are_refused() -> None:
    layer = torch.nn.Linear(2, 3)
    optimizer = make_optimizer("adamw", [(list(layer.parameters()), 0.1)], 0.0)
    state = valid()["optimizer"]
    optimizer.load_state_dict(state)
    saved_state.check_shapes(optimizer)
    state["state"][0]["exp_avg_sq"] = torch.zeros(7)
    optimizer.load_state_dict(state)
    with pytest.raises(ValueError, match="does not fit its weights"):
        saved_state.check_shapes(optimizer)
