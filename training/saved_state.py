"""Checks the training state in a last.pt, which may come from somebody else, before it is restored.

training/run_folder.py writes it. Tensors were checked when the file was loaded
(common/checkpoint_limits.py).
"""

from typing import Any, TypeVar, get_type_hints

import torch

from common.checkpoint_limits import is_state_dict
from training.history import EpochRow
from training.state import Position

Record = TypeVar("Record", Position, EpochRow)

KINDS: dict[str, type | tuple[type, ...]] = {  # field of the state → its types
    "weights": (dict, type(None)),
    "averaged": int,
    "optimizer": dict,
    "steps": int,
    "randoms": list,
    "position": dict,
    "rows": list,
}
# Annotation of a field of Position or EpochRow → the types of its values.
FIELDS: dict[Any, tuple[type, ...]] = {
    int: (int,),
    float: (int, float),
    float | None: (int, float, type(None)),
    list[str]: (list,),
    dict[str, float | None]: (dict,),
}
# Names of an optimizer's tensors for a parameter: Adam and AdamW, SGD.
OPTIMIZER_TENSORS = ({"step", "exp_avg", "exp_avg_sq"}, {"momentum_buffer"})


def check(state: dict[str, Any]) -> None:
    """Raise ValueError if the training state `state` has a field of another type or with values
    that training cannot have reached."""
    for name, kinds in KINDS.items():
        if not isinstance(state.get(name), kinds) or isinstance(state.get(name), bool):
            raise ValueError(f"its {name} is of another type")
    if min(state["steps"], state["averaged"]) < 0:
        raise ValueError("its number of steps is negative")
    if not is_state_dict(state["weights"] or {}):
        raise ValueError("its weights are not tensors with names")
    _check_randoms(state["randoms"])
    _check_optimizer(state["optimizer"])
    rows, position = epoch_rows(state), start(state)
    if [row.epoch for row in rows] != list(range(1, position.epoch)):
        raise ValueError("its position does not follow its rows")
    if (position.step == 0) != (position.seen == 0):
        raise ValueError("its position has clips without steps, or steps without clips")


def epoch_rows(state: dict[str, Any]) -> list[EpochRow]:
    """Return the rows of the finished epochs. Raise ValueError if one is not a row."""
    return [_to_record(EpochRow, row) for row in state["rows"]]


def start(state: dict[str, Any]) -> Position:
    """Return the position to continue at. Raise ValueError if it is not a position."""
    return _to_record(Position, state["position"])


def _to_record(kind: type[Record], values: Any) -> Record:
    try:
        record = kind(**values)
    except TypeError as error:  # not a dict, or with missing or unknown fields
        raise ValueError(f"it has no {kind.__name__}") from error
    for name, hint in get_type_hints(kind).items():
        value = getattr(record, name)
        if type(value) not in FIELDS[hint] or (isinstance(value, int | float) and value < 0):
            raise ValueError(f"its {name} cannot be {value!r:.40}")
        if isinstance(value, list) and not all(isinstance(text, str) for text in value):
            raise ValueError(f"its {name} are not texts")
        if isinstance(value, dict) and not all(map(_is_column, value, value.values())):
            raise ValueError(f"its {name} are not numbers with names")
    return record


def _is_column(name: object, value: object) -> bool:
    return isinstance(name, str) and type(value) in FIELDS[float | None]


def _check_randoms(randoms: list[Any]) -> None:
    for random in randoms:
        known = isinstance(random, dict) and random.keys() == {"cpu", "cuda"}
        if not known or not torch.is_tensor(random["cpu"]):
            raise ValueError("its random states are of another type")


def _check_optimizer(optimizer: dict[str, Any]) -> None:
    groups, states = optimizer.get("param_groups"), optimizer.get("state")
    if (
        not isinstance(groups, list)
        or not isinstance(states, dict)
        or not all(isinstance(group, dict) for group in groups)
        or not all(isinstance(state, dict) for state in states.values())
        or not all(state.keys() in (set(), *OPTIMIZER_TENSORS) for state in states.values())
    ):
        raise ValueError("its optimizer state is of another type")


def check_shapes(optimizer: torch.optim.Optimizer) -> None:
    """Raise ValueError if the optimizer has, for a parameter, a tensor of another shape, which the
    first step would not accept. Counters of steps have a single value."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            shape = torch.Size() if name == "step" else parameter.shape
            if not torch.is_tensor(value) or value.shape != shape:
                raise ValueError("its optimizer state does not fit its weights")
