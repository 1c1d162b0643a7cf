"""Video files, judged."""
