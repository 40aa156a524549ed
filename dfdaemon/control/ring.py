"""The order in which Dragonfly's own daemons choose among several schedulers, and ours with them.

If each chose its own way, the hosts of one task would meet at different schedulers. Their ring (crate
``dragonfly-hashring`` 0.2, seen in dragonflyoss/client 1.5.10) has 512 points for each
scheduler: SipHash-2-4 with key 0 of the point's number and the scheduler's name, as Rust's ``Hash``
writes them. The name is the host's, or the address where none is told. Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache

POINTS = 512
_MASK = (1 << 64) - 1
_END = b"\xff"
"""Rust writes a string with this behind it."""


class SchedulerRing:
    """An immutable ring of addresses. ``names``: how an address is called, if not by itself.

    Of several with one name Dragonfly knows the last one in ``names`` only; here the others come
    after all that have a place.
    """

    def __init__(self, addresses: Sequence[str], names: Mapping[str, str] | None = None) -> None:
        self._addresses = tuple(addresses)
        told = {a: name for a, name in (names or {}).items() if name and a in self._addresses}
        unnamed = {address: address for address in self._addresses if address not in told}
        self._address_of = {name: address for address, name in (unnamed | told).items()}

    def get(self, key: str) -> list[str]:
        """All addresses, the key's first."""
        if len(self._addresses) < 2:
            return list(self._addresses)
        points = self._points
        at = bisect_left(points, (siphash24(key.encode() + _END), ""))
        found: dict[str, None] = {}
        while len(found) < len(self._address_of):
            found[self._address_of[points[at % len(points)][1]]] = None
            at += 1
        return list(found | dict.fromkeys(self._addresses))

    @cached_property
    def _points(self) -> list[tuple[int, str]]:
        return sorted((point, name) for name in self._address_of for point in _points_of(name))


@lru_cache(maxsize=64)
def _points_of(name: str) -> tuple[int, ...]:
    """Some 30 ms of work, so that a scheduler that comes or goes costs no more than its own."""
    written = name.encode() + _END
    return tuple(siphash24(number.to_bytes(8, "little") + written) for number in range(POINTS))


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
