"""Redis (or Valkey) as engine: values in one hash, their order in one sorted set, counters in
another hash.

A transaction reads without locks and remembers what it saw. One script then compares that with what
is there now, and writes if nothing has changed: two round trips for most operations. Several volumes
share a database with `?space=name`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit, urlunsplit

import redis
from hiredis import pack_command
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, OutOfMemoryError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from dffs.meta.kv import EngineDown, Pair, public_url
from dffs.meta.optimistic import OptimisticEngine, OptimisticTxn, Range
from dffs.meta.redisscripts import COMMIT, RANGE, RANGE_THROUGH, THROUGH
from dffs.meta.retry import one_line
from dfinfra.logs import get_logger

_log = get_logger(__name__)
_SOCKET_S = 20.0
# More than there are ever threads: the library's own 100 would be an error for the next one.
_CONNECTIONS = 10_000


class _RedisTxn(OptimisticTxn):
    def __init__(self, engine: RedisEngine) -> None:
        super().__init__()
        self._engine = engine

    def _read(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        return self._engine.ask(b"HMGET", self._engine.values, *keys) if keys else []

    def _read_through(
        self, keys: Sequence[bytes], through: Sequence[bytes]
    ) -> tuple[Sequence[bytes | None], Sequence[bytes | None], Sequence[bytes | None]]:
        found = self._engine.script(THROUGH, len(keys), *keys, *through)
        first, second = len(keys), len(keys) + len(through)
        return found[:first], found[first:second], found[second:]

    def _read_range(
        self, start: bytes, end: bytes, limit: int | None, keys_only: bool
    ) -> list[Pair]:
        found = self._engine.script(
            RANGE, start, end, -1 if limit is None else limit, 0 if keys_only else 1
        )
        if keys_only:
            return [(key, b"") for key in found]
        return list(zip(found[::2], found[1::2], strict=True))

    def scan_through(
        self, start: bytes, end: bytes, limit: int
    ) -> list[tuple[bytes, bytes, bytes | None]]:
        """See Txn; in one round trip."""
        flat = self._engine.script(RANGE_THROUGH, start, end, limit)
        return list(zip(flat[::3], flat[1::3], flat[2::3], strict=True))

    def _read_counter(self, name: bytes) -> int:
        return int(self._engine.ask(b"HGET", self._engine.counts, name) or 0)

    def arguments(self) -> list[bytes]:
        """What the script that commits is given."""
        watched: list[bytes] = []
        for key, value in self.watched.items():
            watched += (key, b"-" if value is None else b"+" + value)
        ranges = [part for seen in self.ranges for part in _range_arguments(seen)]
        pairs, deletes = self.puts_and_deletes()
        puts = [part for pair in pairs for part in pair]
        adds = [part for name, delta in self.adds.items() for part in (name, b"%d" % delta)]
        appends = [part for pair in self.appends for part in pair]
        counts = [len(watched), len(ranges), len(puts), len(deletes), len(adds), len(appends)]
        head = [b"%d" % count for count in counts]
        return [*head, *watched, *ranges, *puts, *deletes, *adds, *appends]


class RedisEngine(OptimisticEngine):
    """Optimistic transactions over a pool of connections."""

    lost = (RedisConnectionError, RedisTimeoutError, OSError)
    broken = (RedisError,)

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options = parse_qs(parts.query)
        space = options.pop("space", ["dffs"])[0]
        query = "&".join(f"{key}={value}" for key, values in options.items() for value in values)
        super().__init__(public_url(url))
        self.values, self.order, self.counts = (
            f"{{{space}}}:{part}".encode() for part in ("values", "order", "counts")
        )
        self._pool = redis.ConnectionPool.from_url(
            urlunsplit(parts._replace(query=query)),
            socket_timeout=_SOCKET_S,
            socket_connect_timeout=_SOCKET_S,
            socket_keepalive=True,
            max_connections=_CONNECTIONS,
        )
        self._free: list[Any] = []
        try:
            self._warn_of_loss(self.ask(b"INFO"))
        except (*self.lost, *self.broken) as error:
            raise EngineDown(f"{self.url}: {one_line(error)}") from error

    def _warn_of_loss(self, info: bytes) -> None:
        """Say when this server may lose what it was told."""
        if b"maxmemory_policy:allkeys" in info:
            _log.warning(
                "this Redis evicts keys when its memory is full, a whole volume at once:"
                " set maxmemory-policy to noeviction",
                url=self.url,
            )
        if b"aof_enabled:0" in info:
            _log.debug("this Redis writes no append-only file: a crash loses minutes", url=self.url)

    # --- talking -------------------------------------------------------------------------------

    def ask(self, *command: Any) -> Any:
        """One command and its answer."""
        try:
            connection = self._free.pop()
        except IndexError:
            connection = self._pool.make_connection()
        try:
            connection.send_packed_command([pack_command(command)], check_health=False)
            answer = connection.read_response(disable_decoding=True)
        except ResponseError:
            raise
        except BaseException:
            connection.disconnect()
            raise
        finally:
            # One that broke connects anew when it is used; the pool counts those that it has made.
            self._free.append(connection)
        return answer

    def script(self, script: bytes, *arguments: Any) -> Any:
        """Run a script by its hash; send its text when the server does not have it."""
        keys = (b"3", self.values, self.order, self.counts)
        digest = _digest(script)
        try:
            return self.ask(b"EVALSHA", digest, *keys, *arguments)
        except NoScriptError:
            return self.ask(b"EVAL", script, *keys, *arguments)

    # --- transactions --------------------------------------------------------------------------

    def _is_full(self, error: Exception) -> bool:
        return isinstance(error, OutOfMemoryError)

    def _begin(self) -> _RedisTxn:
        return _RedisTxn(self)

    def _commit(self, txn: OptimisticTxn) -> bool:
        assert isinstance(txn, _RedisTxn)
        return bool(self.script(COMMIT, *txn.arguments()) == 1)

    def counters(self) -> dict[bytes, int]:
        """All counters."""
        flat = self.ask(b"HGETALL", self.counts)
        if isinstance(flat, dict):
            return {name: int(value) for name, value in flat.items()}
        return {name: int(value) for name, value in zip(flat[::2], flat[1::2], strict=True)}

    def clear(self) -> None:
        """Remove all keys and counters."""
        self.ask(b"UNLINK", self.values, self.order, self.counts)

    def sync(self) -> None:
        """Wait until the append-only file, if there is one, is on disk."""
        try:
            self.ask(b"WAITAOF", b"1", b"0", b"5000")
        except (ResponseError, *self.lost):
            return  # Redis before 7.2, or without such a file: appendfsync decides

    def close(self) -> None:
        """Close all connections."""
        while self._free:
            self._free.pop().disconnect()
        self._pool.disconnect()


def _range_arguments(seen: Range) -> list[bytes]:
    text = b"".join(
        b"%d:%b" % (len(part), part)
        for pair in seen.found
        for part in (pair[:1] if seen.keys_only else pair)
    )
    digest = hashlib.sha1(text, usedforsecurity=False).hexdigest().encode()
    return [seen.start, seen.end, b"%d" % seen.limit, b"0" if seen.keys_only else b"1", digest]


_DIGESTS = {
    script: hashlib.sha1(script, usedforsecurity=False).hexdigest().encode()
    for script in (COMMIT, RANGE, RANGE_THROUGH, THROUGH)
}


def _digest(script: bytes) -> bytes:
    return _DIGESTS[script]
