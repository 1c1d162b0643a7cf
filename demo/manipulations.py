"""The registry of fakes by kind and method: four per kind, so that 80 % of the videos are fake."""

from demo.animate import Manipulation
from demo.deepfakes import flicker, identity_swap, low_resolution, self_blend
from demo.parts import within_part
from demo.shallowfakes import copy_move, recolouring, speed_change, splicing

DEEPFAKES: dict[str, Manipulation] = {
    "identity_swap": identity_swap,
    "low_resolution": low_resolution,
    "self_blend": self_blend,
    "flicker": flicker,
}
METHODS: dict[str, dict[str, Manipulation]] = {
    "deepfake": DEEPFAKES,
    # Confined to one eye or one corner of the mouth: to measure where a heat map points.
    "part": {f"{name}_part": within_part(make) for name, make in DEEPFAKES.items()},
    "shallowfake": {
        "copy_move": copy_move,
        "splicing": splicing,
        "speed_change": speed_change,
        "recolouring": recolouring,
    },
}
