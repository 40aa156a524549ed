from __future__ import annotations

import struct

import pytest

from dffs.fuse.init import Feature, InitOptions, ProtocolTooOldError, negotiate
from dffs.fuse.wire import INIT_OUT

_ALL = (1 << 43) - 1


def _offer(minor: int, flags: int = _ALL, readahead: int = 131072) -> bytes:
    return struct.pack("=IIIII", 7, minor, readahead, flags & 0xFFFFFFFF, flags >> 32) + bytes(44)


def test_a_new_kernel_gets_passthrough_and_large_requests() -> None:
    agreed, reply = negotiate(_offer(45), InitOptions())
    major, minor, readahead, flags, _, _, max_write, _, pages, _, flags2, depth, _ = (
        INIT_OUT.unpack(reply)
    )
    assert len(reply) == 64
    assert (major, minor, max_write, pages, depth) == (7, 45, 1 << 20, 256, 1)
    assert readahead == 131072
    assert agreed.passthrough
    assert Feature(flags | flags2 << 32) == agreed.features


def test_a_newer_kernel_is_answered_with_what_we_speak() -> None:
    assert negotiate(_offer(60), InitOptions())[0].minor == 45


def test_an_older_kernel_gets_no_more_than_it_offers() -> None:
    offered = (1 << 29) - 1  # Linux 5.11: no second word of flags
    agreed, reply = negotiate(_offer(32, offered)[:16], InitOptions())
    assert not agreed.passthrough
    assert int(agreed.features) & ~offered == 0
    assert INIT_OUT.unpack(reply)[10:12] == (0, 0)


def test_without_max_pages_a_write_has_128_kib() -> None:
    agreed, _ = negotiate(_offer(28, int(Feature.ASYNC_READ)), InitOptions())
    assert agreed.max_write_bytes == 131072


def test_the_older_form_of_clearing_set_id_bits_is_taken_when_the_new_one_is_not_there() -> None:
    old, new = Feature.HANDLE_KILLPRIV, Feature.HANDLE_KILLPRIV_V2
    assert old in negotiate(_offer(31, int(old)), InitOptions())[0].features
    assert old not in negotiate(_offer(45), InitOptions())[0].features
    assert new in negotiate(_offer(45), InitOptions())[0].features


def test_a_kernel_from_before_that_is_refused() -> None:
    with pytest.raises(ProtocolTooOldError, match=r"7\.23"):
        negotiate(_offer(23), InitOptions())


def test_the_writeback_cache_is_never_taken() -> None:
    assert not int(negotiate(_offer(45), InitOptions())[0].features) & 1 << 16
