"""``dffs mount``: make a volume a folder of this node."""

from __future__ import annotations

import resource
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

from dfcore.errors import BadInput
from dffs import places
from dffs.cli.entry import META_URL
from dffs.cli.volumeflags import Flags, options, volume_flags
from dffs.control.server import ControlledVolume
from dffs.fuse.mount import find_mount
from dffs.options import VolumeOptions
from dffs.vfs.kernel.background import in_background
from dffs.vfs.kernel.mounting import MountPlan, mount_volume
from dffs.vfs.kernel.options import CacheTimes, KernelOptions, Squash
from dffs.volume import Volume
from dfinfra import logs
from dfinfra.command import DURATION
from dfinfra.redact import redact_text

_NOBODY = 65534


@click.command("mount")
@META_URL
@click.argument("mount_point", type=Path)  # not click.Path: it would look at a dead mount
@click.option(
    "-d", "--background", is_flag=True, help="Go on in the background once it is mounted."
)
@click.option("--log", type=click.Path(path_type=Path), help="Log file of a mount in background.")
@click.option("--log-level", default="info", show_default=True)
@click.option("--subdir", default="", help="Mount this folder of the volume.")
@click.option("--attr-cache", type=DURATION, default=1.0, show_default="1s")
@click.option("--entry-cache", type=DURATION, default=1.0, show_default="1s")
@click.option("--dir-entry-cache", type=DURATION, default=1.0, show_default="1s")
@click.option("--negative-entry-cache", type=DURATION, default=0.0, show_default="0")
@click.option("--enable-xattr/--disable-xattr", default=True)
@click.option("--root-squash", is_flag=True, help="Root is nobody here.")
@click.option("--all-squash", is_flag=True, help="Everybody is nobody here.")
@click.option("--no-passthrough", is_flag=True, help="Never give the kernel a cached file itself.")
@click.option("-o", "fuse_options", multiple=True, help="As in fstab: ro,nosuid,nodev,noexec,…")
@volume_flags
def command(
    meta_url: str,
    mount_point: Path,
    flags: Flags,
    background: bool,
    log: Path | None,
    log_level: str,
    fuse_options: tuple[str, ...],
    **given: Any,
) -> int:
    """Mount the volume in the engine at META-URL on the folder MOUNT_POINT."""
    point = mount_point.absolute()
    if find_mount(point) is None and not point.is_dir():
        raise BadInput(f"mount point {point}: is not a folder")
    words = _words(fuse_options)
    if "ro" in words:
        flags["read_only"] = True
    chosen = options(flags, background=not flags["read_only"], mount_point=str(point))
    chosen = replace(chosen, session=not chosen.read_only)
    kernel = _kernel(given, chosen, words)

    def work(on_ready: Callable[[], None]) -> int:
        return serve(meta_url, point, chosen, kernel, log, log_level, on_ready, background)

    _probe(meta_url)
    return in_background(work, log or places.log_file()) if background else work(lambda: None)


def _probe(meta_url: str) -> None:
    """Tell a mistake in the URL on the terminal, before anything goes to the background."""
    if "://" not in meta_url:
        raise BadInput(f"META-URL {meta_url!r}: sqlite:///PATH, redis://… and so on are allowed")


def serve(
    meta_url: str,
    point: Path,
    chosen: VolumeOptions,
    kernel: KernelOptions,
    log: Path | None,
    log_level: str,
    on_ready: Callable[[], None],
    background: bool,
) -> int:
    """Mount and stay until the end."""
    folder = (log or places.log_file()).parent if background or log else None
    opened = logs.setup("dffs", folder, log_level, console=not background)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def open_volume() -> ControlledVolume:
        return ControlledVolume(Volume.open(meta_url, chosen), point, subdir=kernel.subdir)

    plan = MountPlan(
        point=point,
        source=f"dffs:{_source(meta_url)}",
        options=kernel,
        config=_shown(meta_url, point, chosen),
        figures=figures,
    )
    try:
        return mount_volume(open_volume, plan, on_ready)
    finally:
        opened.close()


def figures(volume: Any) -> Mapping[str, Callable[[], Mapping[str, float]]]:
    """What the files of a volume count, for the mount's `.stats`."""
    return {"files_": volume.files.stats}


def _source(meta_url: str) -> str:
    return redact_text(meta_url)


def _shown(meta_url: str, point: Path, chosen: VolumeOptions) -> dict[str, Any]:
    try:
        release = version("meganeura")
    except PackageNotFoundError:
        release = ""
    shown = asdict(replace(chosen, passphrase=b""))
    shown.pop("passphrase")
    return {"meta": _source(meta_url), "mount_point": str(point), "version": release, **shown}


def _words(fuse_options: tuple[str, ...]) -> set[str]:
    return {word.strip() for text in fuse_options for word in text.split(",") if word.strip()}


def _kernel(given: Mapping[str, Any], chosen: VolumeOptions, words: set[str]) -> KernelOptions:
    if given["root_squash"] and given["all_squash"]:
        raise BadInput("--root-squash and --all-squash: one of them")
    squash = None
    if given["root_squash"] or given["all_squash"]:
        squash = Squash(_NOBODY, _NOBODY, everybody=given["all_squash"])
    return KernelOptions(
        cache=CacheTimes(
            given["attr_cache"],
            given["entry_cache"],
            given["dir_entry_cache"],
            given["negative_entry_cache"],
        ),
        read_only=chosen.read_only,
        subdir=given["subdir"],
        xattr=given["enable_xattr"],
        atime=chosen.atime_mode != "noatime",
        squash=squash,
        passthrough=not given["no_passthrough"],
        no_suid="nosuid" in words,
        no_dev="nodev" in words,
        no_exec="noexec" in words,
    )
