"""Measurements for docs/benchmarks.md."""

import common  # noqa: F401 (before torch: it sets how threads wait)
