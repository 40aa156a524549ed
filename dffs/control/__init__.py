"""Commands that work on a mounted path are carried out by the mount's own process.

The process listens at a unix socket (`server`); the commands find it by the mount point (`client`). The
kernel tells who calls, and that user's rights count. The same operations (`operations`) run in the
command itself where a volume is named by its metadata URL.
"""
