"""Figures drawn without a display, their PNG bytes, and the colours of all plots and videos."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Colour-blind people can distinguish these (Okabe and Ito 2008).
REAL_COLOUR, FAKE_COLOUR, UNCERTAIN_COLOUR = "#0072b2", "#d55e00", "#999999"
CLASS_COLOURS = (REAL_COLOUR, FAKE_COLOUR, "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
LINE_COLOUR = "#555555"


def rgb(colour: str) -> tuple[int, int, int]:
    """Convert '#rrggbb' to red, green and blue in [0, 255]."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of `width` × `height` inches that draws without a display."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


class Png:
    """The PNG bytes of a figure in `data`; empty until the block of `axes_as_png` ends."""

    data = b""


@contextmanager
def axes_as_png(width: float = 4.2, height: float = 3.6) -> Iterator[tuple[Axes, Png]]:
    """Yield the axes of a new figure, and a Png that holds the drawn figure after the block. Width
    and height are in inches."""
    figure, png = new_figure(width, height), Png()
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    yield axes, png
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    png.data = buffer.getvalue()


def save_png(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=100)
