"""POSIX ACLs: parsing, evaluation, inheritance."""

from __future__ import annotations

import errno

import pytest

from dffs.meta.acl import (
    GROUP,
    GROUP_OBJ,
    MASK,
    OTHER,
    USER,
    USER_OBJ,
    Acl,
    AclEntry,
    allows,
    inherited,
    is_minimal,
    mode_bits,
    pack,
    parse,
    with_mode,
)
from dffs.meta.types import Caller, MetaError

MINIMAL = (AclEntry(USER_OBJ, 7), AclEntry(GROUP_OBJ, 5), AclEntry(OTHER, 1))
FULL = (
    AclEntry(USER_OBJ, 7),
    AclEntry(USER, 6, 50),
    AclEntry(GROUP_OBJ, 4),
    AclEntry(GROUP, 7, 60),
    AclEntry(GROUP, 1, 70),
    AclEntry(MASK, 6),
    AclEntry(OTHER, 0),
)


@pytest.mark.parametrize("acl", [MINIMAL, FULL])
def test_what_was_packed_is_parsed(acl: Acl) -> None:
    assert parse(pack(acl)) == acl
    assert parse(pack(tuple(reversed(acl)))) == acl


@pytest.mark.parametrize(
    "acl",
    [
        MINIMAL[:2],
        (*MINIMAL, AclEntry(USER, 4, 5)),
        (*FULL, AclEntry(USER, 1, 50)),
        (*MINIMAL, AclEntry(MASK, 9)),
        (*MINIMAL, AclEntry(3, 1)),
    ],
)
def test_impossible_lists_are_refused(acl: Acl) -> None:
    with pytest.raises(MetaError) as caught:
        parse(pack(acl))
    assert caught.value.errno == errno.EINVAL


@pytest.mark.parametrize(
    ("caller", "mask", "wanted"),
    [
        (Caller(1, 9), 7, True),  # the owner
        (Caller(50, 9), 6, True),  # named
        (Caller(50, 9), 1, False),
        (Caller(5, 2), 4, True),  # the owning group
        (Caller(5, 2), 2, False),
        (Caller(5, 60), 6, True),  # a named group, under the mask
        (Caller(5, 60), 1, False),
        (Caller(5, 9, frozenset({2, 60})), 6, True),  # any group that grants it
        (Caller(5, 70), 1, False),  # the mask takes it
        (Caller(5, 9), 4, False),  # others
    ],
)
def test_who_may(caller: Caller, mask: int, wanted: bool) -> None:
    assert allows(FULL, caller, 1, 2, mask) is wanted


def test_modes() -> None:
    assert (mode_bits(MINIMAL), mode_bits(FULL)) == (0o751, 0o760)
    assert is_minimal(MINIMAL) and not is_minimal(FULL)
    assert mode_bits(with_mode(FULL, 0o640)) == 0o640
    assert with_mode(FULL, 0o640)[2] == AclEntry(GROUP_OBJ, 4)
    assert mode_bits(with_mode(MINIMAL, 0o624)) == 0o624


def test_a_new_inode_gets_no_more_than_its_mode() -> None:
    assert mode_bits(inherited(FULL, 0o666)) == 0o660
    assert mode_bits(inherited(FULL, 0o640)) == 0o640
    assert inherited(FULL, 0o600)[1] == AclEntry(USER, 6, 50)
