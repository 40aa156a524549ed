"""POSIX access control lists, as the kernel writes them into system.posix_acl_*: pure.

The rules are those of acl(5): owner, named users, groups under the mask, others; a new inode takes
its directory's default ACL in place of the umask. Layout of the value: linux/posix_acl_xattr.h,
version 2.
"""

from __future__ import annotations

import errno
from struct import Struct
from typing import NamedTuple

from dffs.meta.types import Caller, MetaError

ACCESS_NAME = b"system.posix_acl_access"
DEFAULT_NAME = b"system.posix_acl_default"

_HEAD = Struct("<I")
_ENTRY = Struct("<HHI")
_VERSION = 2
_NO_ID = 0xFFFFFFFF

USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_TAGS = (USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER)


class AclEntry(NamedTuple):
    """One line of a list: what it is for, the permission bits (rwx), and whose."""

    tag: int
    perm: int
    id: int = _NO_ID


Acl = tuple[AclEntry, ...]


def parse(value: bytes) -> Acl:
    """From the attribute's value; EINVAL when it is no valid list."""
    if len(value) < _HEAD.size or (len(value) - _HEAD.size) % _ENTRY.size:
        raise MetaError(errno.EINVAL)
    if _HEAD.unpack_from(value)[0] != _VERSION:
        raise MetaError(errno.EOPNOTSUPP)
    acl = tuple(AclEntry._make(fields) for fields in _ENTRY.iter_unpack(value[_HEAD.size :]))
    tags = [entry.tag for entry in acl]
    named = [(entry.tag, entry.id) for entry in acl if entry.tag in {USER, GROUP}]
    valid = (
        all(entry.tag in _TAGS and entry.perm <= 7 for entry in acl)
        and all(tags.count(tag) == 1 for tag in (USER_OBJ, GROUP_OBJ, OTHER))
        and tags.count(MASK) <= 1
        and (MASK in tags or not named)
        and len(set(named)) == len(named)
    )
    if acl and not valid:
        raise MetaError(errno.EINVAL)
    return tuple(sorted(acl, key=lambda entry: (_TAGS.index(entry.tag), entry.id)))


def pack(acl: Acl) -> bytes:
    """As the attribute's value."""
    return _HEAD.pack(_VERSION) + b"".join(_ENTRY.pack(*entry) for entry in acl)


def is_minimal(acl: Acl) -> bool:
    """Whether it says no more than nine permission bits do."""
    return len(acl) == 3


def mode_bits(acl: Acl) -> int:
    """The nine bits that stat shows: the group's are those of the mask, if there is one."""
    perms = {entry.tag: entry.perm for entry in acl}
    group = perms.get(MASK, perms[GROUP_OBJ])
    return perms[USER_OBJ] << 6 | group << 3 | perms[OTHER]


def with_mode(acl: Acl, mode: int) -> Acl:
    """The list after chmod."""
    tags = {entry.tag for entry in acl}
    group = MASK if MASK in tags else GROUP_OBJ
    new = {USER_OBJ: mode >> 6 & 7, OTHER: mode & 7, group: mode >> 3 & 7}
    return tuple(entry._replace(perm=new.get(entry.tag, entry.perm)) for entry in acl)


def inherited(default: Acl, mode: int) -> Acl:
    """The access ACL of a new inode: the default with what `mode` does not allow taken away."""
    tags = {entry.tag for entry in default}
    limits = {
        USER_OBJ: mode >> 6 & 7,
        OTHER: mode & 7,
        MASK if MASK in tags else GROUP_OBJ: mode >> 3 & 7,
    }
    return tuple(entry._replace(perm=entry.perm & limits.get(entry.tag, 7)) for entry in default)


def allows(acl: Acl, caller: Caller, uid: int, gid: int, mask: int) -> bool:
    """Whether a list gives a caller all rights of `mask` on an inode of that owner and group."""
    limit = next((entry.perm for entry in acl if entry.tag == MASK), 7)
    if caller.uid == uid:
        return any(entry.tag == USER_OBJ and entry.perm & mask == mask for entry in acl)
    for entry in acl:
        if entry.tag == USER and entry.id == caller.uid:
            return entry.perm & limit & mask == mask
    is_member = False
    for entry in acl:
        if (entry.tag == GROUP_OBJ and caller.in_group(gid)) or (
            entry.tag == GROUP and caller.in_group(entry.id)
        ):
            is_member = True
            if entry.perm & limit & mask == mask:
                return True
    if is_member:
        return False
    return any(entry.tag == OTHER and entry.perm & mask == mask for entry in acl)
