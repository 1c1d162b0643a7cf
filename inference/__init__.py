"""Judges video files."""
