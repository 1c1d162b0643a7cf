"""One video file: frames, faces, tracks and crops."""
