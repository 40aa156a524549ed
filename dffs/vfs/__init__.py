"""Files of a volume as a process sees them: open, read with readahead, write with staging."""
