"""The cache file system: a volume is one name space over a metadata engine and an object store.

A model that one node fetched is a file on every node. Read top-down: `dffs.cli` → `dffs.volume` →
`dffs.vfs` → `dffs.meta` (names and rows) and `dffs.blocks` (bytes) → engines and `dffs.object`.
"""
