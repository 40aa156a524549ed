"""The kernel's FUSE protocol, spoken over /dev/fuse without a library in between.

`wire` and `init` know the bytes, `operations` says what a file system has to answer, `dispatch`
turns one into the other, `server` reads and replies, `mount` attaches and detaches. Nothing here
knows of volumes: `dffs.vfs.kernel` is the file system that is mounted with it. Source of the
formats: the kernel's include/uapi/linux/fuse.h (protocol 7.45) and its documentation.
"""
