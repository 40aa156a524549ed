"""An nginx of our own on loopback, as the origin that everybody knows."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dfcore.errors import ConfigError
from tests.swarm.ports import free_port

CONFIG = """\
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{ listen {address}:{port}; root {root}; }}
}}
"""


def binary() -> str:
    """The nginx of this machine. Raises ConfigError if there is none."""
    path = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")
    if path is None:
        raise ConfigError("nginx is not installed: we are measured against it")
    return path


class Nginx:
    """Serves the folder ``root``; ``url`` is its address while the block runs.

    ``prefix`` is a command that starts it elsewhere, where it listens at ``address``.
    """

    def __init__(
        self,
        folder: Path,
        root: Path,
        *,
        address: str = "127.0.0.1",
        port: int | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self._root = root
        self._address = address
        self._port = port or free_port()
        self._prefix = prefix
        self.url = f"http://{address}:{self._port}"

    def _config(self) -> str:
        # As root nginx gives its workers to another user, who may not enter our folders.
        user = "user root;" if os.geteuid() == 0 else ""
        return CONFIG.format(
            user=user,
            folder=self._folder,
            root=self._root,
            address=self._address,
            port=self._port,
        )

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "nginx.conf"
        config.write_text(self._config())
        command = [*self._prefix, binary(), "-e", "stderr", "-c", str(config)]
        self._process = subprocess.Popen(command)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.kill(self._process.pid, signal.SIGTERM)
        self._process.wait(10)


CACHE = """\
user root;
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  proxy_cache_path {folder}/cache keys_zone=all:10m max_size={max_bytes};
  server {{
    listen {address}:{port};
    location / {{
      proxy_pass {origin};
      proxy_cache all;
      proxy_cache_valid 200 1h;
      proxy_cache_lock on;
      proxy_cache_lock_timeout 1h;
      proxy_http_version 1.1;
    }}
  }}
}}
"""


class NginxCache(Nginx):
    """A cache in front of ``origin_url``, of at most ``max_bytes``; ``place`` is as of Nginx."""

    def __init__(self, folder: Path, origin_url: str, max_bytes: int, **place: Any) -> None:
        super().__init__(folder, folder, **place)
        self._origin_url = origin_url
        self._max_bytes = max_bytes

    def _config(self) -> str:
        return CACHE.format(
            folder=self._folder,
            address=self._address,
            port=self._port,
            origin=self._origin_url,
            max_bytes=self._max_bytes,
        )
