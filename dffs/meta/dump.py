"""A volume's metadata as lines of JSON, streamed out of one engine and into another.

The first line says what it is, the last how many records there are, so that a cut dump is noticed.
Each record is a key (hex) and a value (base64): they are the same in all engines. Sessions and
locks are left behind.
"""

from __future__ import annotations

import errno
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from dfcore.errors import BadInput
from dffs.meta import keys
from dffs.meta.core import Core
from dffs.meta.kv import Pair, Txn, batches
from dffs.meta.types import MetaError

_VERSION = 1
_AT_ONCE = 500
_LEFT_BEHIND = (b"S", b"o", b"l", b"k", b"L", b"n", b"W")


class Dump(Core):
    """Out of one engine, into another."""

    def dump(self, *, redact: Callable[[bytes], bytes] | None = None) -> Iterator[bytes]:
        """The whole volume as lines of JSON."""
        count = 0
        yield _line({"meganeura volume": _VERSION, "from": self.engine.url})
        for key, value in self.engine.stream(keys.FIRST, keys.LAST):
            if key.startswith(_LEFT_BEHIND):
                continue
            if key == keys.FORMAT and redact is not None:
                value = redact(value)  # noqa: PLW2901
            count += 1
            yield _line({"k": key.hex(), "v": b64encode(value).decode()})
        for name, number in sorted(self.engine.counters().items()):
            count += 1
            yield _line({"c": name.hex(), "n": number})
        yield _line({"records": count})

    def load(self, lines: Iterable[bytes]) -> int:
        """Fill an empty engine from a dump; gives the number of records."""
        if self.read_only:
            raise MetaError(errno.EROFS)
        some = self.engine.transact(
            lambda txn: txn.scan(keys.FIRST, keys.LAST, limit=1), read_only=True
        )
        if some:
            raise MetaError(errno.EEXIST, f"{self.engine.url} is not empty")
        count = 0
        for batch in batches(_records(iter(lines)), _AT_ONCE):
            self.engine.transact(partial(_put, records=batch))
            count += len(batch)
        return count


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _records(lines: Iterator[bytes]) -> Iterator[Pair | tuple[bytes, int]]:
    head = _parse(next(lines, b""), 1)
    if head.get("meganeura volume") != _VERSION:
        raise BadInput(f"this is no dump of a volume of version {_VERSION}")
    count = 0
    for number, line in enumerate(lines, start=2):
        record = _parse(line, number)
        if "records" in record:
            if record["records"] != count:
                raise BadInput(f"the dump has {count} records of {record['records']}")
            return
        count += 1
        try:
            if "c" in record:
                yield bytes.fromhex(record["c"]), int(record["n"])
            else:
                yield bytes.fromhex(record["k"]), b64decode(record["v"], validate=True)
        except (KeyError, ValueError) as error:
            raise BadInput(f"line {number} of the dump is no record: {error}") from None
    raise BadInput(f"the dump is cut after {count} records")


def _parse(line: bytes, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise BadInput(f"line {number} of the dump is not JSON")
    return record


def _put(txn: Txn, records: list[Pair | tuple[bytes, int]]) -> None:
    for key, value in records:
        if isinstance(value, int):
            txn.add(key, value)
        else:
            txn.put(key, value)
