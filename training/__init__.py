"""What serves one run of train.py."""
