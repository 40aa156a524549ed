"""The order in which Dragonfly's own daemons choose among several schedulers.

Where all schedulers are Dragonfly's, ours have to choose as its daemons do, or the hosts of one task
would meet at different schedulers. Its ring (crate ``hashring`` 0.3 in dragonflyoss/client,
grpc/scheduler.rs) has one point for each address: SipHash-2-4 with key 0 of what Rust's ``Hash``
writes of a ``SocketAddr``. Pure.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_left
from collections.abc import Sequence

_MASK = (1 << 64) - 1


class DragonflyRing:
    """An immutable ring of ``ip:port`` addresses. A name instead of an IP is a ValueError."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._points = sorted((siphash24(_written(address)), address) for address in addresses)

    def get(self, key: str) -> list[str]:
        """All addresses, the key's first."""
        # Rust writes a string with a 0xff behind it.
        point = siphash24(key.encode() + b"\xff")
        at = bisect_left(self._points, (point, ""))
        return [address for _, address in (*self._points[at:], *self._points[:at])]


def _written(address: str) -> bytes:
    """Discriminant as isize, address as one number in memory order, port as u16."""
    host, _, port = address.rpartition(":")
    ip = ipaddress.ip_address(host.strip("[]"))
    number = int(port).to_bytes(2, "little")
    if ip.version == 4:
        return (0).to_bytes(8, "little") + ip.packed + number
    flow_and_scope = bytes(8)
    return (1).to_bytes(8, "little") + ip.packed + number + flow_and_scope


def siphash24(data: bytes) -> int:
    """SipHash-2-4 (Aumasson and Bernstein) with the key 0."""
    state = [0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573]
    whole = len(data) // 8 * 8
    last = data[whole:].ljust(7, b"\0") + bytes([len(data) & 0xFF])
    for at in range(0, whole, 8):
        _absorb(state, int.from_bytes(data[at : at + 8], "little"))
    _absorb(state, int.from_bytes(last, "little"))
    state[2] ^= 0xFF
    for _ in range(4):
        _round(state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _absorb(state: list[int], word: int) -> None:
    state[3] ^= word
    _round(state)
    _round(state)
    state[0] ^= word


def _round(state: list[int]) -> None:
    a, b, c, d = state
    a = (a + b) & _MASK
    b = _rotate(b, 13) ^ a
    a = _rotate(a, 32)
    c = (c + d) & _MASK
    d = _rotate(d, 16) ^ c
    a = (a + d) & _MASK
    d = _rotate(d, 21) ^ a
    c = (c + b) & _MASK
    b = _rotate(b, 17) ^ c
    c = _rotate(c, 32)
    state[:] = a, b, c, d


def _rotate(word: int, bits: int) -> int:
    return ((word << bits) | (word >> (64 - bits))) & _MASK
