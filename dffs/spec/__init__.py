"""`dffs://volume/path` for fsspec: pandas, datasets, torch and the like, without a mount.

Registered as an entry point (`fsspec.specs`).
"""

from dffs.spec.filesystem import DffsFileSystem

__all__ = ["DffsFileSystem"]
