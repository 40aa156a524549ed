"""Can an address be listened at? Asked before gRPC tries.

gRPC tells a failed bind with a line of its own on stderr and without the reason, and it
takes a unix socket away from a process that still listens there. Called by ``GrpcServer``.
"""

from __future__ import annotations

import socket
from pathlib import Path

from dfcore.errors import ConfigError
from dfinfra.http import listen_error


def check(address: str) -> None:
    """Raise ConfigError if ``ip:port`` or ``unix:/path`` cannot be listened at."""
    if address.startswith("unix:"):
        _check_unix(Path(address.removeprefix("unix:")))
    else:
        _check_tcp(address)


def _check_tcp(address: str) -> None:
    host, _, port_text = address.rpartition(":")
    host = host.strip("[]")
    if not port_text.isdigit():
        raise ConfigError(f"cannot listen on {address}: must be an address and a port")
    port = int(port_text)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            raise listen_error(host, port, error) from error


def _check_unix(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot listen on {path}: {error.strerror or error}") from error
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            probe.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        return  # nothing there, or what a dead process left
    except OSError as error:
        raise ConfigError(f"cannot listen on {path}: {error.strerror or error}") from error
    raise ConfigError(f"cannot listen on {path}: another process listens there")
