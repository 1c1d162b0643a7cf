"""Lists encoders with their number of parameters (classifier included) and their image size.

python -m models                 torchvision's encoders
python -m models '*xception*'    the encoders of torchvision and timm that match a pattern
python -m models 'xcep*.*'       the same with timm's pretrained tags
"""

import argparse
import fnmatch

import torch
from torchvision import models

from common import errors
from models import encoders


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("pattern", nargs="?", help="glob pattern; also lists timm's encoders")
    pattern = parser.parse_args().pattern
    own = encoders.torchvision_names()
    names = sorted({*own, *encoders.timm_names(tagged="." in pattern)}) if pattern else own
    print(f"{'--model_name':<44}{'parameters':>12}{'pixels':>8}  from")
    for name in fnmatch.filter(names, pattern or "*"):
        parameters, pixels = _torchvision(name) if name in own else _timm(name)
        origin = "torchvision" if name in own else "timm"
        print(f"{name:<44}{parameters / 1e6:>10.1f} M{pixels:>8}  {origin}", flush=True)
    return 0


def _torchvision(name: str) -> tuple[int, int]:
    """Return a torchvision encoder's number of parameters and the side of its images in pixels."""
    weights = models.get_model_weights(name).DEFAULT
    return weights.meta["num_params"], weights.transforms().crop_size[0]


def _timm(name: str) -> tuple[int, int]:
    """Return a timm encoder's number of parameters and the side of its images in pixels."""
    import timm

    with torch.device("meta"):
        module = timm.create_model(name, pretrained=False)
    size = timm.data.resolve_model_data_config(module)["input_size"][-1]
    return sum(p.numel() for p in module.parameters()), size


if __name__ == "__main__":
    errors.run(main)
