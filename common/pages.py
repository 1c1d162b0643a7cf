"""Renders HTML pages that open offline, and formats the numbers in them."""

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.files import write_text
from common.version import VERSION

if TYPE_CHECKING:  # slow
    from markupsafe import Markup


def render(template: Path, path: Path, **values: Any) -> None:
    """Write the page `path` from the Jinja template file `template`, whole or not at all. `values`
    are the template's variables, beside `version`; text in them is HTML-escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {
        "number": format_number,
        "measured": format_measured,
        "percent": format_percent,
        "png": embed_png,
        "in_digits": format_p_fake,
    }
    pages.globals["version"] = VERSION
    text = pages.get_template(template.name).render(**values)
    write_text(path, text)


def format_number(value: float | None, sign: bool = False) -> str:
    """Return a number with three decimals, with a plus or minus if `sign`; a dash for None."""
    if value is None:
        return "–"
    return f"{value:+.3f}" if sign else f"{value:.3f}"


def format_measured(entry: dict[str, Any], sign: bool = False) -> str:
    """Return a metric with its confidence interval, such as '0.912 (0.880 to 0.941)', with a dash
    for what is None. `entry` has the keys `value` and `interval`."""
    if entry["value"] is None:
        return format_number(None)
    if not entry["interval"]:
        return f"{format_number(entry['value'], sign)} (–)"
    low, high = (format_number(value, sign) for value in entry["interval"])
    return f"{format_number(entry['value'], sign)} ({low} to {high})"


def format_percent(share: float) -> str:
    """Return a share in [0, 1] as an approximate percentage: 'about 33 %', 'more than 99 %'."""
    if not 0.01 <= share <= 0.99:
        return "less than 1 %" if share < 0.5 else "more than 99 %"
    return f"about {100 * share:.0f} %"


def format_p_fake(p_fake: float) -> str:
    """Return p_fake with enough digits to distinguish it from 0 and 1, such as '1 - 2.0e-05'."""
    if p_fake > 0.999:
        return f"1 - {1 - p_fake:.1e}" if p_fake < 1 else "1"
    return f"{p_fake:.3f}" if p_fake >= 0.001 else f"{p_fake:.1e}"


def embed_png(data: bytes) -> "Markup":
    """Return PNG bytes as a data URL, for the `src` of an image."""
    from markupsafe import Markup

    return Markup("data:image/png;base64," + base64.b64encode(data).decode())
