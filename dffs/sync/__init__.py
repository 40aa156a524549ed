"""Copies trees between volumes, object stores and directories: only what is missing travels.

`planner` (pure) merges two sorted listings into actions, `runner` carries them out by several workers
and keeps a checkpoint. `stores` reads and writes directories and object stores, `volumes` a volume;
between two volumes it is blocks that are compared, by digest, so that equal bytes never travel twice.
"""
