"""Measurements for docs/benchmarks.md."""
