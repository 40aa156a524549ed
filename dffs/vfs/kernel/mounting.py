"""The process around a mount: begins, serves, hands over, ends.

`dffs mount` parses its flags, makes a `MountPlan` and calls `mount_volume`. It returns when the mount
has gone, however that came about: `umount`, a signal, a successor (the same command run again for
the same mount point: it takes the connection over, and open files go on). Whatever happens, no
request is left without an answer: at the end the connection is aborted and the mount detached.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dfcore.errors import ConfigError, MeganeuraError
from dffs.fuse import mount as mounts
from dffs.fuse.init import InitOptions, Negotiated
from dffs.fuse.mount import Mounted, MountOptions
from dffs.fuse.passthrough import Backings
from dffs.fuse.server import Server, ServerOptions, make_interruptible
from dffs.meta.types import ROOT_CALLER, ROOT_INO, FileKind
from dffs.vfs.kernel import handover
from dffs.vfs.kernel.accesslog import AccessLog
from dffs.vfs.kernel.follower import Follower
from dffs.vfs.kernel.mountable import MountableVolume, close_volume, identity
from dffs.vfs.kernel.ops import KernelOperations
from dffs.vfs.kernel.opstats import OpStats, Source
from dffs.vfs.kernel.options import KernelOptions
from dffs.vfs.kernel.state import adopt_locks, adopt_state, export_state, negotiated_in
from dffs.vfs.kernel.virtual import VirtualFiles
from dfinfra.logs import get_logger

KIND = "fuse.dffs"
# After a signal: how long open files may hold up the end.
GRACE_S = 10.0
_TICK_S = 0.5

_log = get_logger("mount")


@dataclass(frozen=True, slots=True)
class MountPlan:
    """Where and how. `config` is shown in `.config`: no secrets. `figures` adds to `.stats`."""

    point: Path
    source: str
    options: KernelOptions = field(default_factory=KernelOptions)
    config: Mapping[str, Any] = field(default_factory=dict)
    figures: Callable[[Any], Mapping[str, Source]] = lambda _volume: {}
    grace_s: float = GRACE_S


def mount_volume(
    open_volume: Callable[[], MountableVolume],
    plan: MountPlan,
    on_ready: Callable[[], None] = lambda: None,
) -> int:
    """Mount, serve until the end, and return the exit code. Call it from the main thread."""
    make_interruptible()
    before = _what_is_there(plan.point)
    process = MountProcess(open_volume, plan)
    if before is None:
        process.mount()
    else:
        process.take_over(before)
    return process.run(on_ready)


def _what_is_there(point: Path) -> Mounted | None:
    """A mount of ours that can be taken over; a dead one is cleared away."""
    there = mounts.find_mount(point)
    if there is None or not there.kind.startswith("fuse"):
        return None
    if there.kind == KIND and handover.is_served(there.minor):
        return there
    if there.kind == KIND:
        _log.warning("clearing away a mount whose process has died", point=str(point))
        mounts.umount(point, lazy=True)
        return None
    raise ConfigError(f"mount point {point}: {there.source} ({there.kind}) is mounted there")


class MountProcess:
    """One mount with its volume, from begin to end."""

    def __init__(self, open_volume: Callable[[], MountableVolume], plan: MountPlan) -> None:
        self.plan = plan
        self._open_volume = open_volume
        self._access_log = AccessLog()
        self._minor = -1
        self._device = -1
        self._signals = 0
        self._handing_over = threading.Lock()
        self._handed_over = False
        self._inheritance: handover.Inheritance | None = None
        self._follower: Follower | None = None

    def _root(self) -> int:
        subdir = self.plan.options.subdir.strip("/")
        if not subdir:
            return ROOT_INO
        attr = self.volume.meta.resolve(ROOT_CALLER, os.fsencode(subdir), follow=True)
        if attr.kind is not FileKind.DIRECTORY:
            raise ConfigError(f"--subdir {subdir}: is not a directory of the volume")
        return attr.ino

    # Begin

    def mount(self) -> None:
        """Attach a new connection."""
        options = self.plan.options
        self.volume = self._open_volume()
        try:
            self._root()
            self._device = mounts.mount(self.plan.point, _mount_options(self.plan))
        except BaseException:
            self.volume.close()
            raise
        try:
            self._compose(self._device)
            agreed = self._server.initialize(
                InitOptions(max_write_bytes=options.max_io_bytes, posix_acl=self._acl)
            )
            self._use(agreed)
        except BaseException:
            self.volume.close()
            self._detach()
            raise

    def take_over(self, there: Mounted) -> None:
        """Go on with a predecessor's connection; if that fails the predecessor goes on."""
        inheritance = handover.inherit(there.minor)
        try:
            self._device = inheritance.device
            self.volume = self._open_volume()
            try:
                self._adopt(inheritance.state)
            except BaseException:
                self.volume.close()
                raise
        except BaseException:
            inheritance.refuse()
            raise
        self._inheritance = inheritance

    def _adopt(self, state: dict[str, Any]) -> None:
        if state["volume"] != identity(self.volume):
            raise ConfigError(f"mount point {self.plan.point}: another volume is mounted there")
        self._compose(self._device)
        agreed = negotiated_in(state)
        self._server.resume(agreed)
        self._use(agreed)
        adopt_state(self._ops, state)

    def _compose(self, device: int) -> None:
        # ACLs are the volume's: once on, every client heeds them.
        self._acl = self.plan.options.acl or self.volume.meta.get_settings().acl
        self._stats = OpStats()
        texts = {b".stats": self._stats.text, b".config": self._config_text}
        self._ops = KernelOperations(
            self.volume.meta,
            self.volume.files,
            replace(self.plan.options, acl=self._acl),
            root_ino=self._root(),
            backings=Backings(device, enabled=False),
            virtual=VirtualFiles(texts, self._access_log),
        )
        self._new_server(device)
        self._stats.add_source("", self._ops.figures)
        self._stats.add_source("fuse_", lambda: {"threads": self._server.threads})
        for prefix, source in self.plan.figures(self.volume).items():
            self._stats.add_source(prefix, source)

    def _new_server(self, device: int) -> None:
        options = self.plan.options
        threads = ServerOptions(options.idle_threads, options.max_threads)
        self._server = Server(device, self._ops, threads)
        self._server.observer = self._observe
        self._ops.serve(self._server)

    def _use(self, agreed: Negotiated) -> None:
        self._agreed = agreed
        backings = self._ops.modes.backings
        backings.enabled = agreed.passthrough and self.plan.options.passthrough
        there = mounts.find_mount(self.plan.point)
        self._minor = there.minor if there is not None else -1

    def _observe(self, request: Any, body: memoryview, taken: float, error: int, size: int) -> None:
        self._stats.record(request, body, taken, error, size)
        if self._access_log.wanted:
            self._access_log.record(request, body, taken, error, size)

    def _config_text(self) -> bytes:
        text = json.dumps(dict(self.plan.config), indent=2, sort_keys=True, default=str)
        return text.encode() + b"\n"

    # Serve

    def run(self, on_ready: Callable[[], None]) -> int:
        """Serve until the mount has gone; gives the exit code."""
        listener = handover.Predecessor(self._minor, self._give_away)
        try:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, self._on_signal)
            self._server.start()
            if self._inheritance is not None:
                self._inheritance.adopted()
                adopt_locks(self._ops, self._inheritance.state)
            self._follow()
            listener.start()
            mounts.raise_readahead(self._minor, self.plan.options.readahead_kib)
            _log.info("mounted", point=str(self.plan.point), source=self.plan.source)
            on_ready()
            self._wait()
        finally:
            listener.close(keep_path=self._handed_over)
            self._end()
        return 0

    def _follow(self) -> None:
        """Only where the volume keeps a feed of its changes."""
        meta = self.volume.meta
        if meta.get_settings().changelog:
            own = 0 if self.plan.options.read_only else meta.open_session()
            self._follower = Follower(meta, self._server.notifier, self._ops.changed_elsewhere, own)
            self._follower.start()

    def _unfollow(self) -> None:
        if self._follower is not None:
            self._follower.stop()
            self._follower = None

    def _on_signal(self, number: int, _frame: object) -> None:
        # systemd and shells send SIGHUP when a session ends: a mount outlives those.
        if number != signal.SIGHUP:
            self._signals += 1

    def _wait(self) -> None:
        asked = 0
        deadline = float("inf")
        while True:
            server = self._server
            if server.wait(_TICK_S):
                with self._handing_over:  # until it is known how that went
                    if self._handed_over or server is self._server:
                        return
            if self._signals > asked:
                asked = self._signals
                deadline = time.monotonic() + self.plan.grace_s if asked == 1 else 0.0
                # In a thread: with requests that hang, unmounting hangs as well.
                threading.Thread(target=self._leave, name="umount", daemon=True).start()
            if time.monotonic() > deadline:
                _log.warning("open files are cut off", handles=len(self._ops.handles))
                mounts.abort(self._minor)
                return

    def _leave(self) -> None:
        """Unmount; if it is in use, hide it and serve those who have something open."""
        if mounts.find_mount(self.plan.point) is None:
            return
        try:
            mounts.umount(self.plan.point)
        except OSError as error:
            if error.errno != errno.EBUSY:
                _log.warning("unmounting failed", error=str(error))
            with suppress(OSError):
                mounts.umount(self.plan.point, lazy=True)
            _log.warning("the mount is in use: it ends when its last file is closed")

    # End

    def _give_away(self, successor: handover.Successor) -> None:
        """Called by the listener: stop, flush, hand over; go on if that fails."""
        with self._handing_over:
            self._unfollow()
            self._server.stop()
            self._ops.locks.close()
            try:
                self.volume.files.flush_all()
                state = export_state(self._ops, self._agreed)
                state["volume"] = identity(self.volume)
            except (OSError, MeganeuraError) as error:
                _log.warning("nothing is handed over", error=str(error))
                self._go_on()
                return
            # One process at a time writes a node's cache: the successor needs it.
            if (cache := getattr(self.volume, "cache", None)) is not None:
                cache.close()
            self._handed_over = successor.give(self._device, state)
            if self._handed_over:
                _log.info("handed over", point=str(self.plan.point))
                self._close_volume()
                successor.gone()
            else:
                self._come_back(state)

    def _go_on(self) -> None:
        self._ops.locks.reopen()
        self._new_server(self._device)
        self._server.resume(self._agreed)
        self._server.start()
        self._follow()

    def _come_back(self, state: dict[str, Any]) -> None:
        """Our successor has failed: be our own."""
        _log.warning("the successor did not take over: going on")
        old_volume, old_ops = self.volume, self._ops
        try:
            self.volume = self._open_volume()
            self._adopt(state)
        except (OSError, MeganeuraError) as error:
            _log.critical("the mount cannot go on", error=str(error))
            self.volume = old_volume
            return
        close_volume(old_volume, old_ops)
        adopt_locks(self._ops, state)
        self._server.start()
        self._follow()

    def _end(self) -> None:
        self._unfollow()
        if self._handed_over:
            os.close(self._device)
            return
        self._ops.locks.close()
        self._close_volume()
        self._detach()
        _log.info("unmounted", point=str(self.plan.point))

    def _close_volume(self) -> None:
        close_volume(self.volume, self._ops)

    def _detach(self) -> None:
        """Nobody waits for an answer any more, and the mount point is free."""
        there = mounts.find_mount(self.plan.point)
        if there is not None and there.minor == self._minor:
            with suppress(OSError):
                mounts.umount(self.plan.point, lazy=True)
        # The last descriptor: the kernel fails whatever is still asked.
        os.close(self._device)


def _mount_options(plan: MountPlan) -> MountOptions:
    options = plan.options
    return MountOptions(
        source=plan.source,
        read_only=options.read_only,
        allow_other=options.allow_other,
        no_suid=options.no_suid,
        no_dev=options.no_dev,
        no_exec=options.no_exec,
    )
