"""From what a user writes to one side of a synchronisation.

A path or `file://…` is a directory; `s3://…` and its like an object store; `dffs://name/path` a
volume by name; a metadata URL with `#/path` behind it (`sqlite:///models.db#/org/`) a volume as well.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from dfcore.errors import BadInput
from dffs.named import meta_url_of
from dffs.options import VolumeOptions
from dffs.sync.directory import DirectoryTree
from dffs.sync.items import Store
from dffs.sync.objects import SCHEMES, open_objects
from dffs.sync.volumes import VolumeTree
from dffs.volume import Volume
from dfinfra.redact import redact_text

ENGINES = ("sqlite", "redis", "rediss", "postgresql", "postgres", "mysql", "memory")


def open_address(address: str, options: VolumeOptions, *, links: bool = False) -> Store:
    """The store at an address. Raises BadInput, or what opening the volume raises."""
    scheme, separator, _ = address.partition("://")
    if not separator:
        return DirectoryTree(Path(address), links=links)
    if scheme == "file":
        return DirectoryTree(Path(unquote(urlsplit(address).path)), links=links)
    if scheme == "dffs":
        name, _, folder = address.removeprefix("dffs://").partition("/")
        return _volume(meta_url_of(name), folder, f"dffs://{name}/{folder}", options, links)
    if scheme in ENGINES and "#" in address:
        url, _, folder = address.partition("#")
        return _volume(url, folder, redact_text(address), options, links)
    if scheme in SCHEMES:
        return open_objects(address)
    if scheme in ENGINES:
        raise BadInput(f"{scheme}://…: say which directory of the volume, by `#/` behind the URL")
    raise BadInput(
        f"{scheme}://: a directory, dffs://NAME/PATH, META-URL#/PATH or one of "
        + ", ".join(f"{known}://" for known in SCHEMES)
    )


def _volume(url: str, folder: str, label: str, options: VolumeOptions, links: bool) -> Store:
    volume = Volume.open(url, options)
    return VolumeTree(volume, folder, label, links=links, close=volume.close)
