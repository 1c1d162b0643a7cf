"""Notebooks that teach the pipeline, and their tools."""
