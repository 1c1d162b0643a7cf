"""A detector as one file that needs no model code."""
