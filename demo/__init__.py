"""A small synthetic DFDC drawn from a seed, and the whole pipeline run on it."""
