"""What serves one training run."""
