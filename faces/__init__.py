"""One video, a file or a folder of its frames: frames, faces, tracks and crops."""
