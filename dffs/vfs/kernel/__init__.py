"""A mounted volume: the kernel's requests answered from a volume's metadata and open files.

`ops` is the file system (dffs.fuse.operations.Operations over dffs.meta and dffs.vfs), put together from
the subjects beside it; `mounting` is the process around it. The commands call `mounting` alone.
"""
