"""What stands on top of a volume."""
