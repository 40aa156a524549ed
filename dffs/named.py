"""Volumes by name: what `dffs://models/…` means on this host.

The environment variable MEGANEURA_VOLUME_MODELS holds the metadata URL, or a YAML file maps names to
URLs: the one that MEGANEURA_VOLUMES names, `~/.config/meganeura/volumes.yaml`, or
`/etc/meganeura/volumes.yaml`. Used by fsspec and `dffs sync`, so that no URL with a password has to
stand in a program or on a command line.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import yaml

from dfcore.errors import ConfigError, NotFound

_VARIABLE = "MEGANEURA_VOLUME_"


def meta_url_of(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """The metadata URL of a volume. NotFound, with what would have named it."""
    variable = _VARIABLE + name.upper().replace("-", "_")
    if url := environ.get(variable):
        return url
    for path in _files(environ):
        url = _read(path).get(name, "")
        if url:
            return url
    raise NotFound(
        f"volume {name!r} is not known on this host: set {variable} to its metadata URL, or list it"
        " in ~/.config/meganeura/volumes.yaml"
    )


def _files(environ: Mapping[str, str]) -> list[Path]:
    if given := environ.get("MEGANEURA_VOLUMES"):
        return [Path(given)]
    home = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", "/root"), ".config")
    return [Path(home) / "meganeura/volumes.yaml", Path("/etc/meganeura/volumes.yaml")]


def _read(path: Path) -> dict[str, str]:
    try:
        found = yaml.safe_load(path.read_text()) or {}
    except FileNotFoundError:
        return {}
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error
    if not isinstance(found, dict) or not all(isinstance(url, str) for url in found.values()):
        raise ConfigError(f"{path}: lines of `name: metadata URL` are allowed")
    return found
