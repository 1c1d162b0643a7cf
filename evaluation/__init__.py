"""A split of a manifest, measured."""
