"""The fakes by kind and method. Four of a kind, so that four videos in five are fake as in DFDC."""

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
    # The same in one eye or one corner of the mouth: where a fake is, not only whether it is one.
    "part": {f"{name}_part": within_part(make) for name, make in DEEPFAKES.items()},
    "shallowfake": {
        "copy_move": copy_move,
        "splicing": splicing,
        "speed_change": speed_change,
        "recolouring": recolouring,
    },
}
