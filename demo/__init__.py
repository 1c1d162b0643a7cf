"""A small synthetic DFDC, drawn from a seed: real videos, their fakes, where they differ."""
