"""What a request to manager.v2 must look like (the validation rules of dragonflyoss/api). Pure."""

from __future__ import annotations

import ipaddress
import re

from dfcore.errors import BadInput

_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_MAX_HOSTNAME, _MAX_TEXT = 253, 1024


def hostname(name: str) -> str:
    """A host's name. Raises BadInput."""
    labels = name.rstrip(".").split(".")
    if len(name) > _MAX_HOSTNAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadInput(f"hostname: {name[:64]!r} is no host name")
    return name


def ip(text: str) -> str:
    """An address. Raises BadInput."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise BadInput(f"ip: {text[:64]!r} is no address") from None


def port(name: str, number: int, *, least: int = 1024) -> int:
    """A port that an unprivileged process can listen at. Raises BadInput."""
    if not least <= number < 65535:
        raise BadInput(f"{name}: {number} must be {least} to 65534")
    return number


def cluster(name: str, number: int) -> int:
    """The id of a cluster. Raises BadInput."""
    if not 1 <= number < 1 << 63:
        raise BadInput(f"{name}: must be at least 1")
    return number


def text(name: str, value: str) -> str:
    """Optional words such as a location. Raises BadInput."""
    if len(value) > _MAX_TEXT:
        raise BadInput(f"{name}: at most {_MAX_TEXT} characters")
    return value
