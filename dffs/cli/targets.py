"""What a command works on: a path on a mount, or a path in a volume that is named by its URL.

`/mnt/models/org` is carried out by the mount's own process; `sqlite:///models.db#/org` and
`dffs://models/org` open the volume here, without a mount.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from dfcore.errors import BadInput
from dffs.cli.entry import passphrase, passphrase_option
from dffs.cli.volumeflags import Flags
from dffs.cli.volumeflags import options as options_of
from dffs.control.client import ask
from dffs.control.operations import Operations, result_of
from dffs.control.places import MountedPath, locate
from dffs.named import meta_url_of
from dffs.options import VolumeOptions
from dffs.sync.addresses import ENGINES
from dffs.tree import Tree
from dffs.volume import Volume

Json = dict[str, Any]
Tell = Callable[[Json], None]

console = Console(stderr=True)
target_argument = click.argument("target", metavar="PATH")
with_passphrase = passphrase_option


@dataclass(frozen=True, slots=True)
class Target:
    """A path and what carries the command out. `mounted` is None where the volume is opened here."""

    inner: str
    mounted: MountedPath | None = None
    meta_url: str = ""
    passphrase_file: Path | None = None

    @property
    def place(self) -> str:
        """Tells whether two targets are in one volume."""
        return str(self.mounted.point) if self.mounted else self.meta_url

    def run(self, operation: str, arguments: Json, tell: Tell = lambda _: None) -> Json:
        """Carry an operation of `dffs.control.operations` out."""
        if self.mounted is not None:
            return ask(self.mounted, operation, arguments, tell)
        with opened(self.meta_url, self.passphrase_file) as volume:
            tree = Tree(volume.meta, volume.files)
            return result_of(Operations(volume, tree).run(operation, arguments), tell)


def parse_target(text: str, passphrase_file: Path | None = None) -> Target:
    """What a user named. Raises BadInput or NotFound."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        mounted = locate(Path(text))
        return Target(mounted.inner, mounted)
    if scheme == "dffs":
        name, _, inner = rest.partition("/")
        return Target(inner, meta_url=meta_url_of(name), passphrase_file=passphrase_file)
    if scheme in ENGINES:
        url, _, inner = text.partition("#")
        return Target(inner.lstrip("/"), meta_url=url, passphrase_file=passphrase_file)
    raise BadInput(f"{text}: a path on a mount, dffs://NAME/PATH or META-URL#/PATH is needed")


@contextmanager
def opened(
    meta_url: str, passphrase_file: Path | None = None, options: VolumeOptions | None = None
) -> Iterator[Volume]:
    """An open volume, for a command. A name (`models`) or `dffs://models` does as well as a URL."""
    options = options or VolumeOptions()
    secret = passphrase(passphrase_file)
    with Volume.open(resolved(meta_url), replace(options, passphrase=secret)) as volume:
        yield volume


def open_volume(meta_url: str, flags: Flags) -> Volume:
    """A volume for a server: with a cache, and looked after in the background unless read-only."""
    chosen = options_of(flags)
    writes = not chosen.read_only
    return Volume.open(resolved(meta_url), replace(chosen, background=writes, session=writes))


def resolved(meta_url: str) -> str:
    """The metadata URL that a user named, by itself or by the volume's name."""
    name = meta_url.removeprefix("dffs://").strip("/")
    return meta_url if "://" in name else meta_url_of(name)


@contextmanager
def byte_bar(title: str) -> Iterator[Callable[[float, float], None]]:
    """A progress bar on stderr; call with done and total bytes. Silent where nobody looks."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)

        def tell(done: float, total: float) -> None:
            bar.update(task, completed=done, total=total or None)

        yield tell


def is_interactive() -> bool:
    """Whether somebody can be asked."""
    return os.isatty(0)
