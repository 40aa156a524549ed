"""The kernel side of the file system."""
