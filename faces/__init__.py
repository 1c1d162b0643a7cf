"""From one video file to the crops of the faces in it."""
