"""What all operations of a mount share: volume, options, tables, and how attributes are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from dffs.fuse import wire
from dffs.fuse.operations import Request
from dffs.fuse.passthrough import Backings
from dffs.fuse.wire import ROOT_NODE, AttrOut, EntryOut
from dffs.meta.types import ROOT_CALLER, Attr, Caller, FileKind
from dffs.vfs.api import FilesApi
from dffs.vfs.kernel.callers import Callers
from dffs.vfs.kernel.handles import HandleTable
from dffs.vfs.kernel.nodes import IoModes, Nodes
from dffs.vfs.kernel.options import KernelOptions, ttl
from dffs.vfs.kernel.virtual import VirtualFiles

if TYPE_CHECKING:
    from dffs.meta.api import MetaApi

_DIRECTORY = FileKind.DIRECTORY


class Replier(Protocol):
    """Whoever answers what was put off; `dffs.fuse.server.Server` does."""

    def reply(self, unique: int, error: int = 0, body: bytes = b"") -> None:
        """Answer one request, once."""
        ...


class OperationsBase:
    """The state of one mount. The subjects (names, content, …) are mixed in by `ops`."""

    def __init__(
        self,
        meta: MetaApi,
        files: FilesApi,
        options: KernelOptions,
        *,
        root_ino: int,
        backings: Backings,
        virtual: VirtualFiles,
        on_destroy: Callable[[], None] = lambda: None,
    ) -> None:
        self.meta = meta
        self.files = files
        self.options = options
        self.handles = HandleTable()
        self.nodes = Nodes(ROOT_NODE, root_ino)
        self.modes = IoModes(backings)
        self.virtual = virtual
        self.root_ino = root_ino
        self.caller = Callers(options.squash)
        self._on_destroy = on_destroy
        cache = options.cache
        self._attr_ttl = ttl(cache.attr_s)
        self._entry_ttl = ttl(cache.entry_s)
        self._dir_entry_ttl = ttl(cache.dir_entry_s)
        self._negative_ttl = ttl(cache.negative_entry_s)

    def searcher(self, request: Request) -> Caller:
        """For what the kernel has checked already (default_permissions), unless rights are squashed."""
        return ROOT_CALLER if self.options.squash is None else self.caller(request)

    @staticmethod
    def owner(attr: Attr) -> Caller:
        """For changes that follow from a permitted one."""
        return Caller(attr.uid, attr.gid)

    def attr_out(self, attr: Attr) -> AttrOut:
        """An inode's attributes, with what was written here and is not flushed."""
        return wire.attr_reply(self.files.seen(attr), self._attr_ttl)

    def entry_out(self, attr: Attr) -> EntryOut:
        """A name's inode; the kernel is told of its node once more."""
        entry_ttl = self._dir_entry_ttl if attr.kind is _DIRECTORY else self._entry_ttl
        return wire.entry_out(self.nodes.told(attr.ino), self.attr_out(attr), entry_ttl)

    def directory_row(self, attr: Attr, offset: int, name: bytes) -> bytes:
        """A name of a listing with its inode; the kernel is told of its node as in a lookup."""
        entry_ttl = self._dir_entry_ttl if attr.kind is _DIRECTORY else self._entry_ttl
        seen = self.files.seen(attr)
        return wire.directory_row(
            self.nodes.told(attr.ino), seen, entry_ttl, self._attr_ttl, offset, name
        )
