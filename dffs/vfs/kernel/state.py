"""What a mount process leaves to its successor, so that open files go on: as JSON.

Everything that the kernel refers to by number: handles, nodes, backing files, waiting locks. What was
written is flushed before; files are opened again by their inode. Used by `mounting`.
"""

from __future__ import annotations

import os
from typing import Any

from dffs.fuse.init import Feature, Negotiated
from dffs.meta.types import ROOT_CALLER
from dffs.vfs.kernel.handles import DirHandle, FileHandle, VirtualHandle
from dffs.vfs.kernel.ops import KernelOperations
from dfinfra.logs import get_logger

_ONCE = os.O_TRUNC | os.O_CREAT | os.O_EXCL

_log = get_logger("mount")


def export_state(ops: KernelOperations, agreed: Negotiated) -> dict[str, Any]:
    """Call it when no request is under way and all is flushed."""
    files, directories, virtual = [], [], []
    for number, handle in ops.handles.items():
        if isinstance(handle, FileHandle):
            owners = list(handle.lock_owners)
            files.append([number, handle.node, handle.ino, handle.flags, handle.backing_id, owners])
        elif isinstance(handle, DirHandle):
            names = [name.decode("latin-1") for name in handle.names]
            directories.append([number, handle.node, handle.ino, names])
        else:
            virtual.append([number, handle.node])
    return {
        "protocol": [agreed.minor, int(agreed.features), agreed.max_write_bytes],
        "files": files,
        "directories": directories,
        "virtual": virtual,
        "aliases": ops.nodes.export(),
        "backings": ops.modes.backings.export(),
        "locks": ops.locks.export(),
    }


def negotiated_in(state: dict[str, Any]) -> Negotiated:
    """What the predecessor and the kernel agreed on."""
    minor, features, max_write_bytes = state["protocol"]
    return Negotiated(minor, Feature(features), max_write_bytes)


def adopt_state(ops: KernelOperations, state: dict[str, Any]) -> None:
    """Have open again what the predecessor had. A file that is gone answers EBADF from now on."""
    ops.nodes.adopt([(a, ino, told, bool(now)) for a, ino, told, now in state["aliases"]])
    ops.modes.backings.adopt([(n, b, v, u) for n, b, v, u in state["backings"]])
    for number, node, ino, flags, backing_id, owners in state["files"]:
        try:
            file = ops.files.open(ROOT_CALLER, ino, flags & ~_ONCE)
        except OSError as error:
            _log.warning("an open file could not be taken over", ino=ino, error=str(error))
            continue
        handle = FileHandle(file, ino, node, flags, backing_id)
        handle.lock_owners.update(owners)
        ops.handles.adopt(number, handle)
        if not backing_id:
            ops.modes.adopt([node])
    for number, node, ino, names in state["directories"]:
        known = [name.encode("latin-1") for name in names]
        ops.handles.adopt(number, ops.directory_handle(ROOT_CALLER, ino, node, known))
    for number, node in state["virtual"]:
        ops.handles.adopt(number, _virtual(ops, node))


def adopt_locks(ops: KernelOperations, state: dict[str, Any]) -> None:
    """Take the predecessor's locks again; call it when it has given them up."""
    ops.locks.adopt(state["locks"])


def _virtual(ops: KernelOperations, node: int) -> VirtualHandle:
    return ops.virtual.open(node)
