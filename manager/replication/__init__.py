"""Replication rules: versions that are tagged so are copied to another volume, then brought to nodes."""
