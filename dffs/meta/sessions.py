"""Clients of a volume: registered, heard of at intervals, cleaned up after when they are silent."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

from dfcore.errors import MeganeuraError
from dffs.meta import keys, records
from dffs.meta.core import Core
from dffs.meta.feed import Feed
from dffs.meta.kv import batches
from dffs.meta.locks import drop_all_of_session
from dffs.meta.orphans import Orphans
from dffs.meta.trash import Trash
from dffs.meta.types import MetaError, SessionInfo
from dffs.meta.work import Work
from dfinfra.logs import get_logger

_log = get_logger(__name__)
_LIFE_BEATS = 5
_TURN_BEATS = 3


class Sessions(Orphans, Trash, Feed, Core):
    """This client's session and those of others."""

    def open_session(
        self,
        *,
        mount_point: str = "",
        version: str = "",
        details: Mapping[str, str] | None = None,
    ) -> int:
        """Register this client and start its heartbeat."""
        with self._session_lock:
            if self.sid or self.read_only:
                return self.sid
            sid = self._take(keys.NEXT_SID, 1, 1)
            now_ns = self.now_ns
            self._session = SessionInfo(
                sid=sid,
                expires_ns=now_ns + int(_LIFE_BEATS * self.heartbeat_s * 1e9),
                started_ns=now_ns,
                host=socket.gethostname(),
                pid=os.getpid(),
                mount_point=mount_point,
                version=version,
                details=dict(details or {}),
            )
            raw = records.pack_session(self._session)
            self._write(lambda work: work.txn.put(keys.session(sid), raw))
            self.sid = sid
            self._ended.clear()
            self._beat = threading.Thread(
                target=self._beat_on, name=f"meta-session-{sid}", daemon=True
            )
            self._beat.start()
            return sid

    def ensure_session(self) -> None:
        """Have a session before something is kept for it."""
        if not self.sid and not self.read_only:
            self.open_session()

    def sessions(self) -> list[SessionInfo]:
        """All registered clients."""
        found = self._read(lambda work: work.txn.scan(keys.SESSION, keys.after(keys.SESSION)))
        return [records.unpack_session(raw) for _, raw in found]

    def heartbeat(self) -> None:
        """Renew this session, and claim what it has open."""
        if not self.sid:
            return
        self._session = replace(
            self._session, expires_ns=self.now_ns + int(_LIFE_BEATS * self.heartbeat_s * 1e9)
        )
        raw = records.pack_session(self._session)

        def renew(work: Work) -> bool:
            known = work.txn.get(keys.session(self.sid)) is not None
            work.txn.put(keys.session(self.sid), raw)
            return known

        if not self._write(renew):
            _log.warning("this client was silent for too long: its locks are gone", sid=self.sid)
        self.claim_orphans()

    def reap(self, *, patient: bool = False) -> int:
        """Clean up after sessions that are over their time.

        With `patient` this client must itself have seen no sign of life for that long: the clock of
        a session's node may be wrong.
        """
        others = [info for info in self.sessions() if info.sid != self.sid]
        dead = [info.sid for info in others if info.expires_ns < self.now_ns]
        if patient:
            now_s = self.clock.monotonic()
            self._session_ages.look(((info.sid, info.expires_ns) for info in others), now_s)
            silent = {
                info.sid
                for info in others
                if self._session_ages.age_s((info.sid, info.expires_ns), now_s)
                >= _LIFE_BEATS * self.heartbeat_s
            }
            dead = [sid for sid in dead if sid in silent]
        for sid in dead:
            _log.warning("session is over its time, cleaning up after it", sid=sid)
            self._clean_up(sid)
        return len(dead)

    def _clean_up(self, sid: int) -> None:
        """Drop the locks and open inodes of a session, then the session itself."""
        prefix = keys.locked(sid, 0)[:9]
        for key, _ in self.engine.transact(
            lambda txn: txn.scan(prefix, keys.after(prefix)), read_only=True
        ):
            ino = keys.number(key, 9)
            self._write(partial(drop_all_of_session, sid=sid, ino=ino), ino)
        for some in batches([*self._held_by(sid), keys.session(sid)], 1000):
            self._write(partial(_delete_all, gone=some))
        self._write(partial(_end_turn, sid=sid))

    def _held_by(self, sid: int) -> list[bytes]:
        mine = sid.to_bytes(8, "big")
        found = self.engine.transact(
            lambda txn: txn.scan(b"o", b"p", keys_only=True), read_only=True
        )
        return [key for key, _ in found if key.endswith(mine)]

    def _is_housekeeper(self) -> bool:
        """Whether it is this client's turn: until it ends, or is not heard of for three beats."""
        mine = self.sid.to_bytes(8, "big")
        until_ns = self.now_ns + int(_TURN_BEATS * self.heartbeat_s * 1e9)

        def op(work: Work) -> bool:
            raw = work.txn.get(keys.HOUSEKEEPER)
            if raw and raw[:8] != mine and int.from_bytes(raw[8:], "big") > work.now_ns:
                return False
            work.txn.put(keys.HOUSEKEEPER, mine + until_ns.to_bytes(8, "big"))
            return True

        return self._write(op)

    def housekeeping(self, *, patient: bool = False) -> None:
        """Reap, bury orphans, empty the trash, forget old changes.

        The sessions' threads take turns, so that one client does it for all, and are `patient`.
        """
        self.reap(patient=patient)
        self.bury_orphans(patient=patient)
        settings = self._read(lambda work: work.settings)
        if self.list_trash(limit=1):
            self.purge_trash(older_than_ns=self.now_ns - int(settings.trash_s * 1e9))
        self.trim_changes()

    def _beat_on(self) -> None:
        """The session's thread: at each interval a beat, and what is to be done in the house."""
        while not self._ended.wait(self.heartbeat_s):
            try:
                started = time.monotonic()
                self.heartbeat()
                if self._is_housekeeper():
                    self.housekeeping(patient=True)
                _log.debug("heartbeat", sid=self.sid, cost_s=time.monotonic() - started)
            except (MeganeuraError, MetaError) as error:
                _log.warning("heartbeat failed, trying again", sid=self.sid, error=str(error))

    def end_session(self) -> None:
        """Give up locks and open inodes, and end the heartbeat."""
        with self._session_lock:
            sid, self.sid = self.sid, 0
            if not sid:
                return
            self._ended.set()
            if self._beat is not None and self._beat is not threading.current_thread():
                self._beat.join()
            with self._opened_lock:
                self._opened.clear()
                self._claimed.clear()
            with suppress(MeganeuraError):
                self._clean_up(sid)


def _delete_all(work: Work, gone: list[bytes]) -> None:
    for key in gone:
        work.txn.delete(key)


def _end_turn(work: Work, sid: int) -> None:
    raw = work.txn.get(keys.HOUSEKEEPER)
    if raw and raw[:8] == sid.to_bytes(8, "big"):
        work.txn.delete(keys.HOUSEKEEPER)
