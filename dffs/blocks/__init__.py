"""Blocks of a volume as objects: named by digest, encoded, put once, verified on every read."""
