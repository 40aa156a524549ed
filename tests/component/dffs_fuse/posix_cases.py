"""What POSIX says of directories, files and rights, as small scripts that run in any directory.

Each case gets an empty directory and returns what it saw. Run by root: `As` takes other identities.
The subjects are those of pjdfstest; the cases are ours.
"""

# The system calls themselves are meant here.
# ruff: noqa: PTH101, PTH102, PTH104, PTH106, PTH108, PTH115, PTH116, PTH211

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Case = Callable[[Path], object]
CASES: dict[str, Case] = {}

ALICE, BOB = 65533, 65532
STAFF = 65531


def case(function: Case) -> Case:
    """Register a case by its name."""
    CASES[function.__name__] = function
    return function


@contextmanager
def acting_as(uid: int, *groups: int) -> Iterator[None]:
    """The effective identity of somebody else for the block."""
    before = os.getgroups()
    os.setgroups(list(groups))
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


def tried(action: Callable[..., object], *arguments: object, **options: object) -> str:
    """ "ok", or the name of the error."""
    try:
        result = action(*arguments, **options)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    if isinstance(result, int) and action is os.open:
        os.close(result)
    return "ok"


# Without the group's right to execute, set-gid stayed on older kernels.
_SINCE_6_2 = (0o2745,) if tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 2) else ()


def touch(path: Path, mode: int = 0o644, owner: int = 0) -> Path:
    """A file of one's own."""
    path.touch()
    os.chown(path, owner, owner)
    path.chmod(mode)
    return path


def folder(path: Path, mode: int = 0o755, owner: int = 0) -> Path:
    """A directory of one's own."""
    path.mkdir()
    os.chown(path, owner, owner)
    path.chmod(mode)
    return path


def _bits(path: Path) -> str:
    return stat.filemode(path.lstat().st_mode)


_CHANGES: dict[str, Callable[[Path], object]] = {
    "create": lambda d: os.open(d / "new", os.O_CREAT | os.O_WRONLY, 0o644),
    "mkdir": lambda d: os.mkdir(d / "newdir"),
    "mkfifo": lambda d: os.mkfifo(d / "fifo"),
    "symlink": lambda d: os.symlink("x", d / "symlink"),
    "link": lambda d: os.link(d / "file", d / "hard"),
    "rename": lambda d: os.rename(d / "file", d / "moved"),
    "unlink": lambda d: os.unlink(d / "file"),
    "rmdir": lambda d: os.rmdir(d / "dir"),
}
_LOOKS: dict[str, Callable[[Path], object]] = {
    "stat": lambda d: os.stat(d / "file"),
    "open": lambda d: os.open(d / "file", os.O_RDONLY),
    "list": os.listdir,
    "chdir": lambda d: os.close(os.open(d, os.O_PATH | os.O_DIRECTORY)),
}


def _filled(path: Path, mode: int) -> Path:
    touch(folder(path) / "file", owner=ALICE)
    folder(path / "dir", owner=ALICE)
    os.chown(path, ALICE, ALICE)
    path.chmod(mode)
    return path


@case
def rights_of_a_directory_by_its_mode(root: Path) -> object:
    seen = []
    for mode in (0o755, 0o700, 0o555, 0o311, 0o722, 0o733, 0o1777, 0o000):
        for name, action in {**_CHANGES, **_LOOKS}.items():
            for who in (ALICE, BOB):
                place = _filled(root / f"{mode:o}-{name}-{who}", mode)
                with acting_as(who):
                    seen.append((f"{mode:o}", name, who, tried(action, place)))
    return seen


@case
def rights_through_a_supplementary_group(root: Path) -> object:
    place = folder(root / "shared", 0o770)
    os.chown(place, 0, STAFF)
    seen = []
    for groups in ((), (STAFF,)):
        with acting_as(ALICE, *groups):
            seen += [tried(action, place) for action in _CHANGES.values()]
            seen.append(tried(os.listdir, place))
    return seen


@case
def sticky_directories(root: Path) -> object:
    seen = []
    for mode in (0o777, 0o1777):
        for owner in (0, ALICE):
            for name in ("unlink", "rename", "rmdir", "over"):
                place = folder(root / f"{mode:o}-{owner}-{name}", mode, owner)
                touch(place / "file", 0o666, BOB)
                folder(place / "dir", 0o777, BOB)
                touch(place / "mine", 0o666, ALICE)
                with acting_as(ALICE):
                    if name == "over":
                        seen.append(tried(os.rename, place / "mine", place / "file"))
                    else:
                        seen.append(tried(_CHANGES[name], place))
    return seen


@case
def who_may_change_mode_and_owner(root: Path) -> object:
    seen: list[object] = []
    for owner in (0, ALICE):
        for mode in (0o644, 0o6755):
            path = touch(root / f"{owner}-{mode:o}", mode, owner)
            with acting_as(ALICE, STAFF):
                seen += [
                    tried(os.chmod, path, 0o600),
                    tried(os.chown, path, -1, STAFF),
                    tried(os.chown, path, -1, BOB),
                    tried(os.chown, path, BOB, -1),
                    tried(os.chown, path, ALICE, -1),
                    tried(os.utime, path),
                    tried(os.utime, path, (1, 1)),
                    tried(os.truncate, path, 3),
                ]
            seen += [_bits(path), path.stat().st_uid, path.stat().st_gid]
    return seen


@case
def set_id_bits_go_when_a_file_changes_hands_or_content(root: Path) -> object:
    seen = []
    for mode in (0o4755, 0o2755, 0o6755, 0o6777, *_SINCE_6_2):
        for what in ("write", "truncate", "chown", "open", "chmod-group"):
            path = touch(root / f"{mode:o}-{what}", mode | 0o022, ALICE)
            if what == "chown":
                os.chown(path, ALICE, STAFF)
            elif what == "chmod-group":
                os.chown(path, ALICE, STAFF)
                with acting_as(ALICE):
                    os.chmod(path, 0o2755)
            else:
                with acting_as(BOB):
                    if what == "write":
                        path.write_bytes(b"x")
                    elif what == "truncate":
                        os.truncate(path, 10)
                    else:
                        os.close(os.open(path, os.O_WRONLY | os.O_TRUNC))
            seen.append((what, f"{mode:o}", _bits(path)))
    return seen


@case
def directories_pass_their_group_on(root: Path) -> object:
    place = folder(root / "team", 0o2777)
    os.chown(place, 0, STAFF)
    with acting_as(ALICE):
        (place / "dir").mkdir()
        (place / "file").touch()
        os.symlink("x", place / "link")
        os.mkfifo(place / "fifo")
    return [(path.name, _bits(path), path.lstat().st_gid) for path in sorted(place.iterdir())]


@case
def the_umask_counts(root: Path) -> object:
    before = os.umask(0o027)
    try:
        (root / "dir").mkdir(mode=0o777)
        os.close(os.open(root / "file", os.O_CREAT | os.O_WRONLY, 0o666))
        os.mkfifo(root / "fifo", 0o666)
        os.mknod(root / "node", stat.S_IFREG | 0o666)
    finally:
        os.umask(before)
    return [(path.name, _bits(path)) for path in sorted(root.iterdir())]


@case
def renames_of_all_kinds_over_all_kinds(root: Path) -> object:
    make: dict[str, Callable[[Path], object]] = {
        "file": touch,
        "dir": folder,
        "full": lambda path: touch(folder(path) / "x"),
        "link": lambda path: os.symlink("nowhere", path),
        "fifo": os.mkfifo,
        "none": lambda path: None,
    }
    seen = []
    for source, target in ((a, b) for a in make for b in make):
        place = folder(root / f"{source}-{target}")
        make[source](place / "a")
        make[target](place / "b")
        seen.append((source, target, tried(os.rename, place / "a", place / "b")))
        seen.append(tuple(sorted(os.listdir(place))))
    return seen


@case
def renames_of_a_directory_into_itself(root: Path) -> object:
    (root / "a" / "b" / "c").mkdir(parents=True)
    return [
        tried(os.rename, root / "a", root / "a" / "b" / "c" / "d"),
        tried(os.rename, root / "a", root / "a" / "b"),
        tried(os.rename, root / "a" / "b", root / "a"),
        tried(os.rename, root / "a", root / "a"),
        tried(os.rename, root / "a" / ".", root / "x"),
        tried(os.rename, root / "a" / "b" / "..", root / "x"),
    ]


@case
def two_names_of_one_file(root: Path) -> object:
    touch(root / "a")
    os.link(root / "a", root / "b")
    seen: list[object] = [tried(os.rename, root / "a", root / "b"), sorted(os.listdir(root))]
    seen += [(root / "b").stat().st_nlink, tried(os.link, root / "a", root / "b")]
    folder(root / "d")
    seen += [tried(os.link, root / "d", root / "e"), tried(os.link, root / "none", root / "e")]
    os.unlink(root / "a")
    seen.append((root / "b").stat().st_nlink)
    return seen


@case
def links_of_directories_are_counted(root: Path) -> object:
    seen = [root.stat().st_nlink]
    folder(root / "a")
    folder(root / "a" / "b")
    seen += [root.stat().st_nlink, (root / "a").stat().st_nlink]
    os.rename(root / "a" / "b", root / "b")
    seen += [root.stat().st_nlink, (root / "a").stat().st_nlink]
    os.rmdir(root / "b")
    touch(root / "f")
    seen += [root.stat().st_nlink, (root / "a").stat().st_nlink]
    return seen


@case
def wrong_kinds(root: Path) -> object:
    file, place = touch(root / "file"), folder(root / "dir")
    touch(place / "inner")
    return [
        tried(os.unlink, place),
        tried(os.rmdir, file),
        tried(os.rmdir, place),
        tried(os.rmdir, place / "."),
        tried(os.rmdir, place / ".."),
        tried(os.open, place, os.O_WRONLY),
        tried(os.open, place, os.O_RDONLY | os.O_CREAT),
        tried(os.open, file / "x", os.O_RDONLY),
        tried(os.open, file / "x", os.O_RDWR | os.O_CREAT),
        tried(os.mkdir, file / "x"),
        tried(os.truncate, place, 1),
        tried(os.truncate, file, 2**62),
        tried(os.listdir, file),
        tried(os.readlink, file),
        tried(os.open, file, os.O_RDONLY | os.O_DIRECTORY),
        tried(os.open, file, os.O_CREAT | os.O_EXCL | os.O_RDWR),
        tried(os.mkdir, place),
        tried(os.symlink, "x", place),
        tried(os.mkfifo, file),
        tried(os.stat, root / "none" / "x"),
    ]


@case
def symbolic_links(root: Path) -> object:
    os.symlink("loop-b", root / "loop-a")
    os.symlink("loop-a", root / "loop-b")
    os.symlink("target", root / "dangling")
    os.symlink("x" * 4095, root / "long")
    seen: list[object] = [
        tried(os.stat, root / "loop-a"),
        tried(os.open, root / "loop-a", os.O_RDWR | os.O_CREAT),
        tried(os.open, root / "dangling", os.O_RDONLY),
        tried(os.open, root / "dangling", os.O_CREAT | os.O_EXCL | os.O_RDWR),
        tried(os.open, root / "dangling", os.O_RDONLY | os.O_NOFOLLOW),
        tried(os.symlink, "x" * 4096, root / "longer"),
        tried(os.symlink, "", root / "empty"),
        len(os.readlink(root / "long")),
        (root / "long").lstat().st_size,
        _bits(root / "dangling"),
    ]
    seen.append(tried(os.open, root / "dangling", os.O_CREAT | os.O_RDWR))
    seen.append(sorted(os.listdir(root)))
    return seen


@case
def names_as_long_as_they_may_be(root: Path) -> object:
    fits, over = "n" * 255, "n" * 256
    seen = [tried(touch, root / fits), tried(os.open, root / over, os.O_CREAT | os.O_RDWR)]
    seen += [tried(os.mkdir, root / over), tried(os.rename, root / fits, root / over)]
    seen += [tried(os.link, root / fits, root / over), tried(os.stat, root / over)]
    seen += [tried(os.symlink, "x", root / over), tried(os.unlink, root / over)]
    (root / b"bytes \xff\x01\n".decode("utf-8", "surrogateescape")).touch()
    return [*seen, [len(os.fsencode(name)) for name in sorted(os.listdir(root))]]


@case
def times_move_with_what_happens(root: Path) -> object:
    """Which of (mtime, ctime) of which object each operation moves."""
    file, place = touch(root / "file"), folder(root / "dir")
    touch(place / "inner")
    operations: dict[str, Callable[[], object]] = {
        "write": lambda: file.write_bytes(b"x"),
        "truncate": lambda: os.truncate(file, 5),
        "chmod": lambda: file.chmod(0o640),
        "chown": lambda: os.chown(file, ALICE, ALICE),
        "link": lambda: os.link(file, place / "hard"),
        "unlink": lambda: os.unlink(place / "hard"),
        "rename": lambda: os.rename(place / "inner", place / "moved"),
        "mkdir": lambda: os.mkdir(place / "sub"),
        "rmdir": lambda: os.rmdir(place / "sub"),
        "symlink": lambda: os.symlink("x", place / "link"),
        "setxattr": lambda: os.setxattr(file, "user.x", b"1"),
        "read": file.read_bytes,
        "list": lambda: os.listdir(place),
        "same-size": lambda: os.truncate(file, 5),
        "empty-write": lambda: os.close(os.open(file, os.O_WRONLY)),
    }
    seen = []
    for name, operation in operations.items():
        before = [(p.stat().st_mtime_ns, p.stat().st_ctime_ns) for p in (file, place)]
        time.sleep(0.011)  # a tick of the clock that file systems use
        operation()
        after = [(p.stat().st_mtime_ns, p.stat().st_ctime_ns) for p in (file, place)]
        moved = [
            a > b for x, y in zip(before, after, strict=True) for b, a in zip(x, y, strict=True)
        ]
        seen.append((name, moved))
    return seen


@case
def writing_past_the_end_and_appending(root: Path) -> object:
    path = root / "file"
    with open(path, "wb") as file:
        file.seek(100_000)
        file.write(b"end")
    with open(path, "ab") as file:
        file.write(b"more")
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.pwrite(fd, b"appended all the same", 0)
    os.close(fd)
    os.truncate(path, 150_000)
    data = path.read_bytes()
    return [len(data), data.strip(b"\0"), data.count(0)]


@case
def a_file_that_is_open_and_gone(root: Path) -> object:
    seen: list[object] = []
    with open(root / "file", "w+b", buffering=0) as file:
        os.unlink(root / "file")
        seen += [
            os.fstat(file.fileno()).st_nlink,
            file.write(b"abc"),
            os.pread(file.fileno(), 9, 0),
        ]
        os.ftruncate(file.fileno(), 1)
        os.fchmod(file.fileno(), 0o600)
        touch(root / "file")
        seen += [os.fstat(file.fileno()).st_size, (root / "file").stat().st_size]
        touch(root / "other")
        with open(root / "file", "rb") as replaced:
            os.rename(root / "other", root / "file")
            seen.append(os.fstat(replaced.fileno()).st_nlink)
    return seen


@case
def devices_and_pipes(root: Path) -> object:
    os.mkfifo(root / "fifo", 0o600)
    os.mknod(root / "char", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.mknod(root / "block", stat.S_IFBLK | 0o600, os.makedev(7, 300))
    os.mknod(root / "socket", stat.S_IFSOCK | 0o600)
    reader = os.open(root / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(root / "fifo", os.O_WRONLY | os.O_NONBLOCK)
    os.write(writer, b"through")
    seen: list[object] = [os.read(reader, 100)]
    os.close(reader)
    os.close(writer)
    with acting_as(ALICE):
        place = root
        seen.append(tried(os.mknod, place / "no", stat.S_IFCHR | 0o600, os.makedev(1, 3)))
    seen += [(p.name, _bits(p), p.lstat().st_rdev) for p in sorted(root.iterdir())]
    with open(root / "char", "wb") as null:
        seen.append(null.write(b"x" * 10))
    return seen


@case
def extended_attributes(root: Path) -> object:
    path, link = touch(root / "file"), root / "link"
    os.symlink("file", link)
    seen: list[object] = [
        tried(os.setxattr, path, "user.a", b"1"),
        tried(os.setxattr, path, "user.a", b"2", os.XATTR_CREATE),
        tried(os.setxattr, path, "user.b", b"2", os.XATTR_REPLACE),
        tried(os.setxattr, path, "user.empty", b""),
        tried(os.setxattr, path, "nonsense", b""),
        tried(os.setxattr, link, "user.a", b"1", follow_symlinks=False),
        tried(os.getxattr, path, "user.none"),
        tried(os.removexattr, path, "user.none"),
        sorted(os.listxattr(path)),
        os.getxattr(path, "user.a"),
        os.getxattr(path, "user.empty"),
    ]
    path.chmod(0o600)
    with acting_as(ALICE):
        seen += [tried(os.getxattr, path, "user.a"), tried(os.setxattr, path, "user.a", b"3")]
        seen.append(tried(os.setxattr, path, "trusted.a", b"3"))
    os.rename(path, root / "moved")
    seen.append(os.getxattr(root / "moved", "user.a"))
    return seen


@case
def setting_times(root: Path) -> object:
    path = touch(root / "file", owner=ALICE)
    seen: list[object] = []
    for times in ((0, 0), (1, 999_999_999), (2**31 * 10**9, 2**32 * 10**9), (-(10**9), -1)):
        os.utime(path, ns=times)
        seen.append((path.stat().st_atime_ns, path.stat().st_mtime_ns))
    path.chmod(0o666)
    with acting_as(BOB):
        seen += [tried(os.utime, path), tried(os.utime, path, (1, 1))]
    return seen
