"""Many videos: from a table of videos to crops on disk and the manifest's rows."""
