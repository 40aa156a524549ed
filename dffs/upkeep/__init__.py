"""Looks after a volume: objects nobody names (gc), objects that are missing (fsck), bytes (verify)."""
