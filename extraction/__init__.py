"""Many videos: from a table of videos to crops and the manifest."""
