"""Flags of every command that opens a volume, and the VolumeOptions that come of them.

`@volume_flags` adds caches, bounds and limits (mount, gateway, webdav); `@open_flags` the few that
commands need which only look. Both give the command one argument, `flags`, to be passed to `options()`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict, TypeVar, cast

import click

from dfcore.errors import BadInput
from dffs import places
from dffs.blocks.retry import RetryPolicy
from dffs.cli.entry import RATE, SIZE, passphrase, passphrase_option
from dffs.object.remote import Timeouts
from dffs.options import GIB, CacheOptions, VolumeOptions
from dffs.vfs.parts import MIB, FilesPolicy
from dfinfra.command import DURATION

_CACHE_BYTES = 100 * GIB
#: With `--cache-dir memory`, unless --cache-size says otherwise.
_MEMORY_BYTES = 256 * MIB

Command = TypeVar("Command", bound=Callable[..., Any])


class Flags(TypedDict, total=False):
    """What the user gave."""

    passphrase_file: Path | None
    cache_dir: tuple[str, ...]
    cache_encrypt: bool
    cache_size: int
    free_space_ratio: float
    buffer_size: int
    max_readahead: int
    max_uploads: int
    max_downloads: int
    upload_limit: int
    download_limit: int
    get_timeout: float
    put_timeout: float
    io_retries: int
    cache_large_write: bool
    open_cache: float
    open_cache_limit: int
    writeback: bool
    read_only: bool
    atime_mode: str
    daemon_socket: Path | None
    no_daemon: bool


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--cache-dir",
        multiple=True,
        metavar="DIR",
        help="Where blocks are kept on this node; several disks: repeat it, or separate them by ':'."
        " `memory` keeps them in memory only.",
    ),
    click.option(
        "--cache-encrypt",
        is_flag=True,
        help="Keep blocks of an encrypted volume encrypted on this node, too. Slower: no file is the"
        " kernel's to read.",
    ),
    click.option("--cache-size", type=SIZE, default=_CACHE_BYTES, show_default="100G"),
    click.option(
        "--free-space-ratio",
        type=click.FloatRange(0, 1, max_open=True),
        default=0.1,
        show_default=True,
        help="Part of the cache's disks that stays free for others.",
    ),
    click.option(
        "--buffer-size",
        type=SIZE,
        default=300 * MIB,
        show_default="300M",
        help="Most memory for written bytes that wait to be uploaded.",
    ),
    click.option("--max-readahead", type=SIZE, default=128 * MIB, show_default="128M"),
    click.option("--max-uploads", type=click.IntRange(1, 1000), default=20, show_default=True),
    click.option("--max-downloads", type=click.IntRange(1, 1000), default=8, show_default=True),
    click.option(
        "--upload-limit",
        type=RATE,
        default=0,
        help="A number of Mbit/s, or a size per second; 0 is the volume's own limit.",
    ),
    click.option("--download-limit", type=RATE, default=0, help="Likewise."),
    click.option("--get-timeout", type=DURATION, default=60.0, show_default="60s"),
    click.option("--put-timeout", type=DURATION, default=60.0, show_default="60s"),
    click.option("--io-retries", type=click.IntRange(1, 1000), default=10, show_default=True),
    click.option(
        "--cache-large-write/--no-cache-large-write",
        default=True,
        help="Keep what is written here on this node, too.  [default: yes]",
    ),
    click.option(
        "--open-cache",
        type=DURATION,
        default=0.0,
        show_default="0",
        help="For so long a file is opened for reading again without asking the engine: what another"
        " node wrote into it is seen that much later.",
    ),
    click.option(
        "--open-cache-limit",
        type=click.IntRange(1),
        default=10_000,
        show_default=True,
        help="Of how many files --open-cache remembers.",
    ),
    click.option(
        "--writeback",
        is_flag=True,
        help="close() and fsync() return when the bytes are on this node; other nodes see a file when"
        " it is stored.",
    ),
    click.option("--read-only", is_flag=True),
    click.option(
        "--atime-mode",
        type=click.Choice(["noatime", "relatime", "strictatime"]),
        default="noatime",
        show_default=True,
    ),
    click.option(
        "--daemon-socket",
        type=click.Path(path_type=Path),
        help="Unix socket of the node's dfdaemon, which is asked for files before the object store."
        "  [default: where a dfdaemon listens]",
    ),
    click.option("--no-daemon", is_flag=True, help="Ask no dfdaemon."),
)


def volume_flags(function: Command) -> Command:
    """All flags."""
    return _collected(function, (passphrase_option, *_OPTIONS))


def open_flags(function: Command) -> Command:
    """Only those without which a volume cannot be opened."""
    return _collected(function, (passphrase_option,))


def _collected(function: Command, added: tuple[Callable[[Any], Any], ...]) -> Command:
    names = set(Flags.__annotations__)

    @functools.wraps(function)
    def call(**values: Any) -> Any:
        given = {name: values.pop(name) for name in list(values) if name in names}
        return function(flags=cast(Flags, given), **values)

    decorated: Any = call
    for option in reversed(added):
        decorated = option(decorated)
    return cast(Command, decorated)


def options(flags: Flags, **changes: Any) -> VolumeOptions:
    """How the volume is opened; `changes` are fields of VolumeOptions that the command decides."""
    chosen = VolumeOptions(passphrase=passphrase(flags.get("passphrase_file")))
    if "cache_dir" in flags:
        chosen = replace(
            chosen,
            cache=_cache(flags),
            files=_files(flags),
            retry=RetryPolicy(tries=flags["io_retries"]),
            timeouts=Timeouts(request_s=max(flags["get_timeout"], flags["put_timeout"])),
            upload_limit_bytes_s=flags["upload_limit"],
            download_limit_bytes_s=flags["download_limit"],
            writeback=flags["writeback"] and not flags["read_only"],
            read_only=flags["read_only"],
            atime_mode=flags["atime_mode"],
            daemon_socket=_socket(flags),
        )
    return replace(chosen, **changes)


def _cache(flags: Flags) -> CacheOptions:
    written = [part for text in flags["cache_dir"] for part in text.split(":") if part]
    if "memory" in written:
        if len(written) > 1:
            raise BadInput("--cache-dir: `memory` stands alone")
        asked = flags["cache_size"]
        return CacheOptions(memory_bytes=_MEMORY_BYTES if asked == _CACHE_BYTES else asked)
    dirs = tuple(Path(text).expanduser() for text in written) or (places.cache_folder(),)
    return CacheOptions(
        dirs, flags["cache_size"], flags["free_space_ratio"], encrypt=flags["cache_encrypt"]
    )


def _files(flags: Flags) -> FilesPolicy:
    return FilesPolicy(
        buffer_bytes=flags["buffer_size"],
        max_uploads=flags["max_uploads"],
        max_downloads=flags["max_downloads"],
        max_readahead_bytes=flags["max_readahead"],
        cache_writes=flags["cache_large_write"],
        read_only=flags["read_only"],
        open_cache_s=flags["open_cache"],
        open_cache_limit=flags["open_cache_limit"],
    )


def _socket(flags: Flags) -> Path | None:
    if flags["no_daemon"]:
        return None
    return flags["daemon_socket"] or places.daemon_socket()
