"""The command line of the file system: `dffs`."""
