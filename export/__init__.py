"""A detector as one file without the model's code."""
