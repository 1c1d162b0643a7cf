"""A small synthetic DFDC drawn from a seed, and the whole pipeline run on it."""

import common  # noqa: F401 (before torch: it sets how threads wait)
