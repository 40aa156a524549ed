"""The metadata of a volume: names, attributes and block rows in a transactional key-value engine.

Read top-down: `fs.Meta` (one method per operation, one transaction each) → the modules of one
subject each (`names`, `moves`, `content`, `locks`, …: semantics, written once) → `kv.Txn` → an
engine (`memory`, `sqlite`, `redisdb`, `postgres`, `mysql`). Bytes of files are not here: a row
holds the digests of a file's blocks. Called by `dffs.vfs`, `dffs.tree` and the commands;
synchronous and thread-safe.
"""
